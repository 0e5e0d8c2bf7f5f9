// All stacks, from the manifest and the context.

import { join } from 'node:path';
import { type App, Stack, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { ContainerStack } from './container-stack';
import { FirewallStack } from './firewall-stack';
import { FrontStack } from './front-stack';
import { type Manifest, readManifest } from './manifest';
import { readSettings } from './settings';
import { ShopStack } from './shop-stack';
import { StateStack } from './state-stack';
import { WatchStack } from './watch-stack';

const MANIFEST = join(__dirname, '../../manifest.json');

export function buildShop(app: App, manifest: Manifest = readManifest(MANIFEST)): Stack[] {
  const settings = readSettings(app.node);
  const { prefix } = settings;
  const account = process.env['CDK_DEFAULT_ACCOUNT'];
  const region = process.env['CDK_DEFAULT_REGION'];
  const env = account === undefined || region === undefined ? {} : { env: { account, region } };
  const state = new StateStack(app, `${prefix}state`, { ...env, settings, manifest, terminationProtection: settings.keepData });
  const front = new FrontStack(app, `${prefix}front`, { ...env, settings, manifest, state });
  const shop = new ShopStack(app, `${prefix}shop`, { ...env, settings, manifest, state, front });
  new WatchStack(app, `${prefix}watch`, { ...env, settings, manifest, state, front, shop });
  if (settings.firewallRequests > 0) {
    new FirewallStack(app, `${prefix}firewall`, { env: { ...(account === undefined ? {} : { account }), region: 'us-east-1' }, settings });
  }
  const { containerImage: image, containerCertificateArn: certificateArn } = settings;
  if (image !== undefined && certificateArn !== undefined) {
    new ContainerStack(app, `${prefix}container`, { ...env, settings, state, image, certificateArn });
  }
  Tags.of(app).add('app', prefix.slice(0, -1));
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app.node.children.filter((child) => Stack.isStack(child));
}
