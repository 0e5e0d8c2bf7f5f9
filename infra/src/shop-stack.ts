// What runs: functions per service and role, rules and dead letters per consumer, routes, schedules.

import { Annotations, Duration, Stack, type StackProps, RemovalPolicy } from 'aws-cdk-lib';
import * as gateway from 'aws-cdk-lib/aws-apigatewayv2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { ConsumerEnd, deadQueue } from './consumer';
import { acknowledge, acknowledgeWildcard } from './findings';
import { issuerOf, retention, type FrontStack } from './front-stack';
import { type FunctionPart, functionsOf, grantsOf } from './grants';
import { gatewayPath, type Manifest, pascal, type Service, uses } from './manifest';
import type { Settings } from './settings';
import { sizeOf } from './sizes';
import type { StateStack } from './state-stack';

/** Records of a stream are kept for a day; what a relay cannot hand on leaves the stream well before. */
const RELAY_AGE_MAX = Duration.hours(12);
const RELAY_BATCH = 100;
const EVENTS_BATCH = 10;
/** Functions that work on one service's queues at the same time. */
const EVENTS_CONCURRENCY = 10;
/** Of Lambda, after a minute and after two more; it has no more. Calls that were throttled are tried until they are too old. */
const CALL_RETRIES = 2;
/** The longest that Lambda keeps an event. */
const CALL_AGE_MAX = Duration.hours(6);
/** The gateway gives up after 30 seconds. */
const GATEWAY_TIMEOUT_MS = 29_000;

/**
 * Items that carry events. What a filter refuses is gone, so both readings of a list in a pattern are
 * there: the list as a value, and its elements as values. One that fits is enough.
 */
const EVENTS_FILTERS = [{ S: [{ exists: true }] }, [{ exists: true }]].map((L) => ({
  pattern: JSON.stringify({ dynamodb: { NewImage: { events: { L } } } }),
}));

export interface ShopProps extends StackProps {
  readonly settings: Settings;
  readonly manifest: Manifest;
  readonly state: StateStack;
  readonly front: FrontStack;
}

export class ShopStack extends Stack {
  readonly functions = new Map<string, lambda.Function>();
  readonly consumers: ConsumerEnd[] = [];
  /** Records that no relay could hand on, and schedules that reached no function. */
  readonly relayDead: sqs.Queue;
  readonly tickDead: sqs.Queue;
  private readonly settings: Settings;
  private readonly props: ShopProps;
  private readonly code: lambda.Code;

  constructor(scope: Construct, id: string, props: ShopProps) {
    super(scope, id, props);
    this.props = props;
    this.settings = props.settings;
    this.code = lambda.Code.fromAsset(this.settings.code);
    if (!this.settings.built) {
      Annotations.of(this).addWarningV2('souk:unbuilt', 'the functions were not built: run `cargo xtask lambda`, or name a folder with -c lambda=');
    }
    this.relayDead = deadQueue(this, 'RelayDead', `${this.settings.prefix}relay-dead`);
    this.tickDead = deadQueue(this, 'TickDead', `${this.settings.prefix}tick-dead`);
    const authorizer = this.authorizer();
    // Who looks after the queues of all others comes last.
    const last = (service: Service) => service.needs.some(({ resource }) => resource === 'queues');
    const { services } = props.manifest;
    for (const service of [...services.filter((each) => !last(each)), ...services.filter(last)]) this.addService(service, authorizer);
  }

  private addService(service: Service, authorizer: gateway.CfnAuthorizer): void {
    const ends = service.consumers.map((consumer) => new ConsumerEnd(this, consumer, service, this.settings, this.props.state.bus));
    this.consumers.push(...ends);
    for (const part of functionsOf(this.settings, service)) {
      const { role } = part;
      const called = ends.find(({ consumer }) => consumer === part.consumer);
      const made = this.addFunction(service, part, ends, called);
      if (role === 'api') this.addRoutes(service, made, authorizer);
      if (called !== undefined) called.call(made);
      else if (role === 'events') this.addQueueMappings(ends, made);
      if (role === 'relay') this.addStreamMapping(service, made);
      if (role === 'tick') this.addSchedules(service, made);
    }
  }

  private addFunction(service: Service, part: FunctionPart, ends: readonly ConsumerEnd[], called?: ConsumerEnd): lambda.Function {
    const { state } = this.props;
    const { name, role, consumer } = part;
    const id = pascal(name.slice(this.settings.prefix.length));
    const size = sizeOf(service.name, role);
    const logGroup = new logs.LogGroup(this, `${id}Log`, {
      logGroupName: `/aws/lambda/${name}`,
      retention: retention(this.settings.logDays),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const statements = grantsOf(service, role, {
      settings: this.settings,
      state,
      accounts: this.props.manifest.accounts,
      ...(called === undefined ? {} : { deadArn: called.dead.queueArn }),
      queueArns: queueArns(ends),
      allQueueArns: queueArns(this.consumers),
      allDeadArns: this.consumers.map(({ dead }) => dead.queueArn),
      relayDeadArn: this.relayDead.queueArn,
    });
    const executor = this.executor(`${id}Role`, logGroup, statements);
    const made = new lambda.Function(this, id, {
      functionName: name,
      description: consumer === undefined ? `${service.name}: ${role}` : `${service.name}: ${role} for ${consumer.name}`,
      runtime: lambda.Runtime.PROVIDED_AL2023,
      architecture: this.settings.architecture === 'arm64' ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64,
      handler: 'bootstrap',
      code: this.code,
      // Its policy is whole: nothing that is wired up later may widen it.
      role: executor.withoutPolicyUpdates(),
      memorySize: size.memoryMb,
      timeout: Duration.seconds(size.timeoutSecs),
      environment: this.variables(service, part),
      // Its queue gets the event as the bus has it; a destination would get it wrapped.
      ...(called === undefined ? {} : { deadLetterQueue: called.dead, retryAttempts: CALL_RETRIES, maxEventAge: CALL_AGE_MAX }),
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      systemLogLevelV2: lambda.SystemLogLevel.INFO,
      applicationLogLevelV2: lambda.ApplicationLogLevel.INFO,
      ...(this.settings.tracing ? { tracing: lambda.Tracing.ACTIVE } : {}),
    });
    this.functions.set(name, made);
    return made;
  }

  private executor(id: string, logGroup: logs.LogGroup, statements: iam.PolicyStatement[]): iam.Role {
    const own = new iam.PolicyStatement({ sid: 'Log', actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] });
    const trace = new iam.PolicyStatement({ sid: 'Trace', actions: ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'], resources: ['*'] });
    const role = new iam.Role(this, id, {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: {
        own: new iam.PolicyDocument({ statements: [own, ...(this.settings.tracing ? [trace] : []), ...statements] }),
      },
    });
    if (this.settings.tracing) acknowledgeWildcard(role, '*', 'X-Ray has no resources: trace segments can only be put to *');
    const { filesObjects } = this.props.state;
    if (statements.some((statement) => statement.resources.includes(filesObjects))) {
      acknowledgeWildcard(role, filesObjects, 'files get their names, which are hashes, when they are uploaded');
    }
    return role;
  }

  private variables(service: Service, { role, consumer }: FunctionPart): Record<string, string> {
    const { state, front } = this.props;
    const { prefix, delivery, metrics } = this.settings;
    const shared = {
      SERVICE: service.name,
      ROLE: role,
      TABLE_PREFIX: prefix,
      EVENT_BUS: state.bus.eventBusName,
      QUEUE_PREFIX: prefix,
      METRICS: String(metrics),
    };
    if (role === 'relay') return shared;
    return {
      ...shared,
      FILES_BUCKET: state.files.bucketName,
      USER_POOL_ID: state.pool.userPoolId,
      USER_POOL_CLIENT_ID: state.client.ref,
      ...(uses(service, role, 'signing_key') ? { SIGNING_KEY_PARAMETER: state.signingKeyName } : {}),
      SOUK_SHOP__PUBLIC_URL: front.publicUrl,
      ...(consumer === undefined ? {} : { CONSUMER: consumer.name }),
      ...(uses(service, role, 'queues') ? { CONSUMERS: this.consumers.map((end) => end.consumer.name).join(','), DELIVERY: delivery } : {}),
      ...(this.settings.mailFrom === undefined ? {} : { SOUK_MAIL__TRANSPORT: 'ses', SOUK_MAIL__FROM: this.settings.mailFrom }),
      ...(this.settings.testGateway ? { SOUK_PAYMENTS__ALLOW_TEST_GATEWAY: 'true' } : {}),
      ...(this.settings.dynamodbEndpoint === undefined ? {} : { AWS_ENDPOINT_URL_DYNAMODB: this.settings.dynamodbEndpoint }),
      ...this.settings.shop,
    };
  }

  private authorizer(): gateway.CfnAuthorizer {
    const { state, front } = this.props;
    return new gateway.CfnAuthorizer(this, 'Pool', {
      apiId: front.api.apiId,
      authorizerType: 'JWT',
      name: `${this.settings.prefix}users`,
      identitySource: ['$request.header.Authorization'],
      jwtConfiguration: { issuer: issuerOf(state.pool.userPoolId), audience: [state.client.ref] },
    });
  }

  private addRoutes(service: Service, made: lambda.Function, authorizer: gateway.CfnAuthorizer): void {
    const { api } = this.props.front;
    const id = pascal(service.name);
    const integration = new gateway.CfnIntegration(this, `${id}Integration`, {
      apiId: api.apiId,
      integrationType: 'AWS_PROXY',
      integrationUri: made.functionArn,
      payloadFormatVersion: '2.0',
      timeoutInMillis: GATEWAY_TIMEOUT_MS,
    });
    new lambda.CfnPermission(this, `${id}Invocation`, {
      action: 'lambda:InvokeFunction',
      functionName: made.functionArn,
      principal: 'apigateway.amazonaws.com',
      // Any stage, method and path of this one API.
      sourceArn: this.formatArn({ service: 'execute-api', resource: api.apiId, resourceName: '*' }),
    });
    for (const route of service.routes) {
      const key = `${route.method} ${gatewayPath(route.path)}`;
      const made = new gateway.CfnRoute(this, `${id}${pascal(key)}Route`, {
        apiId: api.apiId,
        routeKey: key,
        target: `integrations/${integration.ref}`,
        ...(route.access !== 'anyone' ? { authorizationType: 'JWT', authorizerId: authorizer.ref } : {}),
      });
      if (route.access === 'anyone') {
        acknowledge(made, 'AwsSolutions-APIG4', 'open to guests, or guarded by a token of its own; the function checks whatever token there is');
      }
    }
  }

  private addQueueMappings(ends: readonly ConsumerEnd[], made: lambda.Function): void {
    for (const { queue, consumer } of ends) {
      if (queue === undefined) continue;
      new lambda.CfnEventSourceMapping(this, `${pascal(consumer.name)}Mapping`, {
        eventSourceArn: queue.queueArn,
        functionName: made.functionName,
        batchSize: EVENTS_BATCH,
        functionResponseTypes: ['ReportBatchItemFailures'],
        scalingConfig: { maximumConcurrency: EVENTS_CONCURRENCY },
      });
    }
  }

  /** Nothing is lost: a record is tried again until it goes through, or its whereabouts are set aside. */
  private addStreamMapping(service: Service, made: lambda.Function): void {
    const table = this.props.state.tables.get(service.name)!.table;
    new lambda.CfnEventSourceMapping(this, `${pascal(service.name)}Relaying`, {
      eventSourceArn: table.tableStreamArn!,
      functionName: made.functionName,
      startingPosition: 'TRIM_HORIZON',
      batchSize: RELAY_BATCH,
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: -1,
      maximumRecordAgeInSeconds: RELAY_AGE_MAX.toSeconds(),
      functionResponseTypes: ['ReportBatchItemFailures'],
      filterCriteria: { filters: EVENTS_FILTERS },
      destinationConfig: { onFailure: { destination: this.relayDead.queueArn } },
    });
  }

  private addSchedules(service: Service, made: lambda.Function): void {
    const id = pascal(service.name);
    const role = new iam.Role(this, `${id}Scheduler`, {
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
      inlinePolicies: {
        own: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({ sid: 'Invoke', actions: ['lambda:InvokeFunction'], resources: [made.functionArn] }),
            new iam.PolicyStatement({ sid: 'SetAside', actions: ['sqs:SendMessage'], resources: [this.tickDead.queueArn] }),
          ],
        }),
      },
    });
    for (const schedule of service.schedules) {
      const minutes = Math.max(1, Math.ceil(schedule.every_secs / 60));
      new scheduler.CfnSchedule(this, `${pascal(schedule.name)}Schedule`, {
        name: `${this.settings.prefix}${schedule.name.replaceAll('.', '-')}`,
        scheduleExpression: minutes === 1 ? 'rate(1 minute)' : `rate(${minutes} minutes)`,
        flexibleTimeWindow: { mode: 'OFF' },
        target: {
          arn: made.functionArn,
          roleArn: role.roleArn,
          input: JSON.stringify({ schedule: schedule.name }),
          // The next one is due soon anyhow.
          retryPolicy: { maximumRetryAttempts: 2, maximumEventAgeInSeconds: 60 },
          deadLetterConfig: { arn: this.tickDead.queueArn },
        },
      });
    }
  }
}

function queueArns(ends: readonly ConsumerEnd[]): string[] {
  return ends.flatMap(({ queue }) => (queue === undefined ? [] : [queue.queueArn]));
}
