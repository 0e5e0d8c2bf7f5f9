// A firewall for CloudFront, which AWS wants in us-east-1 wherever the shop is: made first, then named
// to the shop with -c webAclArn=.

import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import * as waf from 'aws-cdk-lib/aws-wafv2';
import type { Construct } from 'constructs';
import type { Settings } from './settings';

export interface FirewallProps extends StackProps {
  readonly settings: Settings;
}

export class FirewallStack extends Stack {
  constructor(scope: Construct, id: string, { settings, ...props }: FirewallProps) {
    super(scope, id, props);
    const seen = (metricName: string) => ({ cloudWatchMetricsEnabled: true, sampledRequestsEnabled: true, metricName });
    const acl = new waf.CfnWebACL(this, 'Firewall', {
      name: `${settings.prefix}firewall`,
      scope: 'CLOUDFRONT',
      defaultAction: { allow: {} },
      visibilityConfig: seen('firewall'),
      rules: [
        {
          name: 'rate',
          priority: 0,
          action: { block: {} },
          statement: { rateBasedStatement: { limit: settings.firewallRequests, aggregateKeyType: 'IP', evaluationWindowSec: 300 } },
          visibilityConfig: seen('rate'),
        },
      ],
    });
    new CfnOutput(this, 'WebAclArn', { value: acl.attrArn });
  }
}
