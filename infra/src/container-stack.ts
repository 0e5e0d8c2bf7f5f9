// The shop as one program in containers, for those who would rather run that than functions: Fargate behind
// a load balancer, on the same tables. docs/deploy-aws.md says what an image must be able to do for it.

import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { acknowledge, acknowledgeWildcard } from './findings';
import { retention } from './front-stack';
import { ACCOUNTS, READ, WRITE } from './grants';
import type { Settings } from './settings';
import type { StateStack } from './state-stack';

const PORT = 8080;
const HEALTH = '/health/ready';
const TASK = { cpu: 256, memoryLimitMiB: 512 };

export interface ContainerProps extends StackProps {
  readonly settings: Settings;
  readonly state: StateStack;
  readonly image: string;
  readonly certificateArn: string;
}

export class ContainerStack extends Stack {
  private readonly settings: Settings;
  private readonly state: StateStack;

  constructor(scope: Construct, id: string, props: ContainerProps) {
    super(scope, id, props);
    this.settings = props.settings;
    this.state = props.state;
    const vpc = this.network();
    const service = this.service(vpc, this.task(props.image));
    const balancer = this.balancer(vpc, service, props.certificateArn);
    new CfnOutput(this, 'BalancerDomain', { value: balancer.loadBalancerDnsName });
  }

  /** Public subnets only: a NAT gateway would cost more than the shop. Nothing but the balancer can reach the tasks. */
  private network(): ec2.Vpc {
    const vpc = new ec2.Vpc(this, 'Network', {
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'public', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 24 }],
      gatewayEndpoints: {
        tables: { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB },
        files: { service: ec2.GatewayVpcEndpointAwsService.S3 },
      },
      restrictDefaultSecurityGroup: false,
    });
    acknowledge(vpc, 'AwsSolutions-VPC7', 'flow logs cost more than this network; the balancer and the tasks keep logs');
    return vpc;
  }

  private task(image: string): ecs.FargateTaskDefinition {
    const { settings, state } = this;
    const log = new logs.LogGroup(this, 'Log', {
      logGroupName: `/ecs/${settings.prefix}shop`,
      retention: retention(settings.logDays),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const task = new ecs.FargateTaskDefinition(this, 'Task', {
      ...TASK,
      runtimePlatform: {
        cpuArchitecture: settings.architecture === 'arm64' ? ecs.CpuArchitecture.ARM64 : ecs.CpuArchitecture.X86_64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
      taskRole: this.taskRole(),
    });
    task.addContainer('Shop', {
      image: ecs.ContainerImage.fromRegistry(image),
      portMappings: [{ containerPort: PORT }],
      logging: ecs.LogDrivers.awsLogs({ logGroup: log, streamPrefix: 'shop' }),
      readonlyRootFilesystem: true,
      stopTimeout: Duration.seconds(30),
      environment: {
        TABLE_PREFIX: settings.prefix,
        EVENT_BUS: state.bus.eventBusName,
        QUEUE_PREFIX: settings.prefix,
        FILES_BUCKET: state.files.bucketName,
        USER_POOL_ID: state.pool.userPoolId,
        USER_POOL_CLIENT_ID: state.client.ref,
        SIGNING_KEY_PARAMETER: state.signingKeyName,
        SOUK_LISTEN: `0.0.0.0:${PORT}`,
        ...settings.shop,
      },
    });
    acknowledge(task, 'AwsSolutions-ECS2', 'none of these variables is a secret: the signing key is named, not given');
    return task;
  }

  /** One program is all services, so it has the rights of all of them, and no more. */
  private taskRole(): iam.Role {
    const { state } = this;
    const tables = [...state.tables.values()];
    const role = new iam.Role(this, 'TaskRole', {
      assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com'),
      inlinePolicies: {
        own: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({ sid: 'Tables', actions: [...READ, ...WRITE], resources: tables.map(({ table }) => table.tableArn) }),
            new iam.PolicyStatement({ sid: 'Indexes', actions: ['dynamodb:Query'], resources: tables.flatMap(({ indexes }) => indexes) }),
            new iam.PolicyStatement({ sid: 'Accounts', actions: ACCOUNTS, resources: [state.pool.userPoolArn] }),
            new iam.PolicyStatement({ sid: 'SigningKey', actions: ['secretsmanager:GetSecretValue'], resources: [state.signingKey.secretArn] }),
            new iam.PolicyStatement({ sid: 'Files', actions: ['s3:GetObject', 's3:PutObject'], resources: [state.filesObjects] }),
            new iam.PolicyStatement({ sid: 'MissingFiles', actions: ['s3:ListBucket'], resources: [state.files.bucketArn] }),
            ...(state.mail === undefined
              ? []
              : [new iam.PolicyStatement({ sid: 'SendMail', actions: ['ses:SendEmail'], resources: [state.mail.emailIdentityArn] })]),
          ],
        }),
      },
    });
    acknowledgeWildcard(role, state.filesObjects, 'files get their names, which are hashes, when they are uploaded');
    return role;
  }

  private service(vpc: ec2.Vpc, taskDefinition: ecs.FargateTaskDefinition): ecs.FargateService {
    const cluster = new ecs.Cluster(this, 'Cluster', { vpc, containerInsightsV2: ecs.ContainerInsights.ENABLED });
    const service = new ecs.FargateService(this, 'Service', {
      cluster,
      taskDefinition,
      assignPublicIp: true,
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { rollback: true },
      healthCheckGracePeriod: Duration.seconds(30),
    });
    const scaling = service.autoScaleTaskCount({ minCapacity: 1, maxCapacity: this.settings.containerTasksMax });
    scaling.scaleOnCpuUtilization('Processor', { targetUtilizationPercent: 60, scaleInCooldown: Duration.minutes(5) });
    return service;
  }

  private balancer(vpc: ec2.Vpc, service: ecs.FargateService, certificateArn: string): elb.ApplicationLoadBalancer {
    const balancer = new elb.ApplicationLoadBalancer(this, 'Balancer', {
      vpc,
      internetFacing: true,
      dropInvalidHeaderFields: true,
      deletionProtection: this.settings.keepData,
    });
    const listener = balancer.addListener('Https', {
      port: 443,
      sslPolicy: elb.SslPolicy.RECOMMENDED_TLS,
      certificates: [Certificate.fromCertificateArn(this, 'Certificate', certificateArn)],
    });
    listener.addTargets('Shop', {
      port: PORT,
      protocol: elb.ApplicationProtocol.HTTP,
      targets: [service],
      deregistrationDelay: Duration.seconds(30),
      healthCheck: { path: HEALTH, healthyHttpCodes: '200', interval: Duration.seconds(10), healthyThresholdCount: 2 },
    });
    balancer.addRedirect();
    acknowledge(balancer, 'AwsSolutions-ELB2', 'the shop logs each request itself');
    acknowledge(balancer, 'AwsSolutions-EC23', 'a shop is open to everyone');
    return balancer;
  }
}
