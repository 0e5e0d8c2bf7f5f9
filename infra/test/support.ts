// Stacks of a context, as templates.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { buildShop } from '../src/app';
import { dashed, type Manifest, readManifest, type Role, rolesOf, type Service } from '../src/manifest';

export const INFRA = join(__dirname, '../..');
export const MANIFEST: Manifest = readManifest(join(INFRA, 'manifest.json'));

const FLAGS = (JSON.parse(readFileSync(join(INFRA, 'cdk.json'), 'utf8')) as { context: Record<string, unknown> }).context;

/** Contexts that between them build everything there is. */
export const CONTEXTS: Record<string, Record<string, string>> = {
  default: {},
  queues: { delivery: 'queues' },
  queuesEach: { delivery: 'queues', alarmsEach: 'true', testGateway: 'true', mailFrom: 'Souk <shop@souk.example>' },
  emulator: { emulator: 'true', testGateway: 'true', mailFrom: 'Souk <shop@souk.example>', arch: 'x86_64' },
  full: {
    webApp: 'true',
    domainName: 'shop.souk.example',
    certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/shop',
    corsOrigins: 'https://admin.souk.example',
    firewallRequests: '2000',
    hostedDomain: 'souk-example',
    mailFrom: 'Souk <shop@souk.example>',
    testGateway: 'true',
    alarmEmail: 'admin@souk.example',
    alarmsEach: 'true',
    metrics: 'true',
    monthlyBudget: '20',
    containerImage: 'registry.souk.example/souk:1',
    containerCertificateArn: 'arn:aws:acm:eu-central-1:123456789012:certificate/shop',
    accountKey: 'true',
  },
};

export interface Resource {
  readonly Type: string;
  readonly Properties?: any;
}

export interface Built {
  readonly app: App;
  /** By the name of the stack. */
  readonly templates: ReadonlyMap<string, any>;
}

const built = new Map<string, Built>();

// The command line sets these; the templates of the tests are for any account.
delete process.env['CDK_DEFAULT_ACCOUNT'];
delete process.env['CDK_DEFAULT_REGION'];

/**
 * Each context is built once, and written to dist/templates for cfn-lint. The program itself is left
 * out: its hash is no property of the stacks.
 */
export function build(context: string): Built {
  const known = built.get(context);
  if (known !== undefined) return known;
  const app = new App({ outdir: join(INFRA, 'dist/templates', context), context: { ...FLAGS, lambda: 'unbuilt', ...CONTEXTS[context] } });
  const templates = new Map(buildShop(app).map((stack) => [stack.stackName, Template.fromStack(stack).toJSON()]));
  const made = { app, templates };
  built.set(context, made);
  return made;
}

/** All resources of all stacks, with the stack's name before theirs. */
export function resources(context: string): [string, Resource][] {
  return [...build(context).templates].flatMap(([stack, template]) =>
    Object.entries<Resource>(template.Resources).map(([name, resource]): [string, Resource] => [`${stack}/${name}`, resource]),
  );
}

/** The functions that there must be, without the prefix: the service and role of each, and its consumer if the bus calls it. */
export function functionsOf(context: string): Map<string, { service: Service; role: Role; consumer?: string }> {
  const direct = CONTEXTS[context]?.['delivery'] !== 'queues';
  const all = MANIFEST.services.flatMap((service) =>
    rolesOf(service).flatMap((role) =>
      role === 'events' && direct
        ? service.consumers.map(({ name }) => [`${dashed(name)}-events`, { service, role, consumer: name }] as const)
        : [[`${service.name}-${role}`, { service, role }] as const],
    ),
  );
  return new Map(all);
}

export function ofType(context: string, type: string): Resource[] {
  return resources(context).map(([, resource]) => resource).filter((resource) => resource.Type === type);
}

/** A text of a template with `<Name>` for what is known only when it is deployed. */
export function flat(value: any): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if ('Fn::Join' in value) return value['Fn::Join'][1].map(flat).join(value['Fn::Join'][0]);
  if ('Ref' in value) return `<${value.Ref}>`;
  if ('Fn::GetAtt' in value) return `<${value['Fn::GetAtt'].join('.')}>`;
  if ('Fn::ImportValue' in value) return `<${flat(value['Fn::ImportValue'])}>`;
  return JSON.stringify(value);
}

export function list<T>(value: T | T[] | undefined): T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
