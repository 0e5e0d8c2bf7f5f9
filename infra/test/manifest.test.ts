// Everything in the manifest is in the templates.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dashed, faultsOf, gatewayPath, pascal } from '../src/manifest';
import { pagePaths } from '../src/front-stack';
import { VISIBILITY_SECS } from '../src/sizes';
import { build, CONTEXTS, flat, functionsOf, list, MANIFEST, ofType } from './support';

const consumers = MANIFEST.services.flatMap((service) => service.consumers);
const routes = MANIFEST.services.flatMap((service) => service.routes);

test('the manifest holds together', () => {
  assert.deepEqual(faultsOf(MANIFEST), []);
  const [first] = MANIFEST.services;
  assert.ok(first);
  const homeless = { ...first, table: undefined };
  assert.ok(faultsOf({ ...MANIFEST, services: [homeless] }).some((fault) => fault.includes('has no table')));
  const twice = { ...first, name: 'twin', reads: ['nobody'], needs: [], consumers: [{ name: 'twin', types: ['sky.fell'], tries: 1 }] };
  const faults = faultsOf({ ...MANIFEST, accounts: 'nobody', services: [...MANIFEST.services, twice] });
  assert.ok(faults.some((fault) => fault.includes('read from nobody')));
  assert.ok(faults.some((fault) => fault.includes('twin reads nobody')));
  assert.ok(faults.some((fault) => fault.includes('sky.fell, which nobody emits')));
  assert.ok(faults.some((fault) => fault.includes(`belongs to both ${first.name} and twin`)));
});

test('a path and a name in the words of AWS', () => {
  assert.equal(gatewayPath('/docs/{*rest}'), '/docs/{rest+}');
  assert.equal(gatewayPath('/files/{name}'), '/files/{name}');
  assert.equal(dashed('orders.expire'), 'orders-expire');
});

test('every service has its table, as the tables must be', () => {
  const tables = ofType('default', 'AWS::DynamoDB::Table').map((table) => table.Properties);
  const schemas = MANIFEST.services.flatMap(({ table }) => table ?? []);
  assert.deepEqual(tables.map((table) => table.TableName).sort(), schemas.map(({ name }) => `souk-${name}`).sort());
  for (const schema of schemas) {
    const table = tables.find(({ TableName }) => TableName === `souk-${schema.name}`);
    assert.equal(table.BillingMode, 'PAY_PER_REQUEST');
    assert.equal(table.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled, true);
    assert.equal(table.StreamSpecification.StreamViewType, 'NEW_IMAGE');
    assert.deepEqual(table.TimeToLiveSpecification, { AttributeName: 'ttl', Enabled: true });
    assert.equal(table.DeletionProtectionEnabled, true);
    const indexes = (table.GlobalSecondaryIndexes ?? []).map((index: any) => [index.IndexName, ...index.KeySchema.map((key: any) => key.AttributeName)]);
    const expected = Array.from({ length: schema.indexes }, (_, at) => [`index${at + 1}`, `i${at + 1}pk`, `i${at + 1}sk`]);
    assert.deepEqual(indexes, expected);
  }
});

const mappedQueues = (context: string) => ofType(context, 'AWS::Lambda::EventSourceMapping').filter(({ Properties }) => !Properties.StartingPosition);

test('by queues: every consumer has a queue, dead letters, a rule, a mapping and alarms', () => {
  const context = 'queuesEach';
  const queues = ofType(context, 'AWS::SQS::Queue').map((queue) => queue.Properties);
  const rules = ofType(context, 'AWS::Events::Rule').map((rule) => rule.Properties);
  assert.equal(mappedQueues(context).length, consumers.length);
  for (const consumer of consumers) {
    const name = `souk-${dashed(consumer.name)}`;
    const queue = queues.find(({ QueueName }) => QueueName === name);
    assert.equal(queue.RedrivePolicy.maxReceiveCount, consumer.tries);
    assert.equal(queue.VisibilityTimeout, VISIBILITY_SECS);
    for (const each of [queue, queues.find(({ QueueName }) => QueueName === `${name}-dead`)]) assert.equal(each.SqsManagedSseEnabled, true);
    const rule = rules.find(({ Name }) => Name === name);
    assert.deepEqual(rule.EventPattern['detail-type'], consumer.types);
    isWatched(context, 'ApproximateNumberOfMessagesVisible', `${name}-dead`);
    isWatched(context, 'ApproximateAgeOfOldestMessage', name);
  }
});

test('directly: every consumer has a function that its rule calls, dead letters and alarms, and nothing is polled', () => {
  const context = 'full';
  const queues = new Map(ofType(context, 'AWS::SQS::Queue').map((queue) => [queue.Properties.QueueName, queue.Properties]));
  const rules = ofType(context, 'AWS::Events::Rule').map((rule) => rule.Properties);
  const functions = new Map(ofType(context, 'AWS::Lambda::Function').map(({ Properties }) => [Properties.FunctionName, Properties]));
  const retries = ofType(context, 'AWS::Lambda::EventInvokeConfig').map(({ Properties }) => Properties);
  const calls = ofType(context, 'AWS::Lambda::Permission').filter(({ Properties }) => Properties.Principal === 'events.amazonaws.com');
  assert.deepEqual([mappedQueues(context).length, retries.length, calls.length], [0, consumers.length, consumers.length]);
  assert.deepEqual([...queues.keys()].filter((name) => !name.endsWith('-dead')), []);
  for (const consumer of consumers) {
    const name = `souk-${dashed(consumer.name)}`;
    assert.equal(queues.get(`${name}-dead`).SqsManagedSseEnabled, true);
    const made = functions.get(`${name}-events`);
    assert.equal(made.Environment.Variables.CONSUMER, consumer.name);
    const { EventPattern: pattern, Targets: targets } = rules.find(({ Name }) => Name === name);
    assert.deepEqual(pattern.$or, [
      { source: [{ prefix: 'souk.' }], 'detail-type': consumer.types },
      { source: ['redrive'], 'detail-type': [consumer.name] },
    ]);
    // What the bus gives up and what Lambda gives up lie in the same queue.
    assert.equal(targets.length, 1);
    assert.match(flat(targets[0].Arn), new RegExp(`^<${pascal(consumer.name)}Events[0-9A-F]+.Arn>$`));
    assert.equal(flat(made.DeadLetterConfig.TargetArn), flat(targets[0].DeadLetterConfig.Arn));
    assert.match(flat(made.DeadLetterConfig.TargetArn), new RegExp(`^<${pascal(consumer.name)}ConsumerDead`));
    isWatched(context, 'ApproximateNumberOfMessagesVisible', `${name}-dead`);
    isWatched(context, 'AsyncEventAge', `${name}-events`);
  }
  assert.ok(retries.every((each) => each.MaximumRetryAttempts === 2 && each.MaximumEventAgeInSeconds === 6 * 3600));
});

function isWatched(context: string, metric: string, watched: string): void {
  const alarms = ofType(context, 'AWS::CloudWatch::Alarm').map((alarm) => alarm.Properties);
  const found = alarms.filter((alarm) => alarm.MetricName === metric && list<any>(alarm.Dimensions).some(({ Value }) => Value === watched));
  assert.equal(found.length, 1, `${metric} of ${watched}`);
  assert.equal(found[0].AlarmActions.length, 1);
}

/** Ten are free. An alarm on an expression would be billed for each metric in it. */
test('unless each is wanted, there are ten alarms at most', () => {
  const common = ['api-errors', 'api-slow', 'dead-letters', 'function-failures', 'function-throttles', 'late-events', 'relay-dead', 'relay-lag', 'tick-dead'];
  for (const context of ['default', 'queues', 'emulator']) {
    const alarms = ofType(context, 'AWS::CloudWatch::Alarm').map(({ Properties }) => Properties);
    assert.deepEqual(alarms.map(({ AlarmName }) => AlarmName).sort(), common.map((name) => `souk-${name}`), context);
    assert.ok(alarms.every(({ MetricName, Metrics }) => MetricName !== undefined && Metrics === undefined), context);
  }
});

test('partial failures are reported, and no record of a stream is lost', () => {
  for (const { Properties: mapping } of ofType('queues', 'AWS::Lambda::EventSourceMapping')) {
    assert.deepEqual(mapping.FunctionResponseTypes, ['ReportBatchItemFailures']);
    if (mapping.StartingPosition === undefined) continue;
    assert.equal(mapping.StartingPosition, 'TRIM_HORIZON');
    assert.equal(mapping.BisectBatchOnFunctionError, true);
    assert.ok(mapping.DestinationConfig.OnFailure.Destination);
    assert.ok(mapping.FilterCriteria.Filters.every(({ Pattern }: any) => Pattern.includes('"events"')));
  }
});

test('every route is routed, and guarded as the manifest says', () => {
  const made = ofType('default', 'AWS::ApiGatewayV2::Route').map(({ Properties }) => [Properties.RouteKey, Properties.AuthorizationType ?? 'optional']);
  const expected = routes.map((route) => [`${route.method} ${gatewayPath(route.path)}`, route.access === 'anyone' ? 'optional' : 'JWT']);
  assert.deepEqual(made.sort(), expected.sort());
  assert.ok(routes.some((route) => route.access !== 'anyone'));
  const open = routes.filter(({ path, access }) => /^\/api\/v1\/(admin|me)(\/|$)/.test(path) && access === 'anyone');
  assert.deepEqual(open, [], 'administration and own data want a token');
});

test('CloudFront sends every page of the services to the API', () => {
  const patterns = pagePaths(MANIFEST);
  assert.ok(patterns.includes('/api/*'));
  assert.ok(patterns.length <= 24, 'a distribution has 25 behaviours');
  for (const { path } of routes.filter((route) => route.path !== '/' && !route.path.startsWith('/files/'))) {
    assert.ok(patterns.some((pattern) => path === pattern || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)))), path);
  }
});

for (const [context, delivery] of [['default', 'direct'], ['queues', 'queues']] as const) {
  test(`${delivery}: every service has its functions, with the names that the program reads`, () => {
    const made = ofType(context, 'AWS::Lambda::Function').map(({ Properties }) => Properties);
    const expected = functionsOf(context);
    assert.deepEqual(made.map(({ FunctionName }) => FunctionName).sort(), [...expected.keys()].map((name) => `souk-${name}`).sort());
    for (const each of made) {
      const { SERVICE, ROLE, CONSUMER, TABLE_PREFIX, QUEUE_PREFIX, METRICS } = each.Environment.Variables;
      const { service, role, consumer } = expected.get(each.FunctionName.slice('souk-'.length))!;
      assert.deepEqual([SERVICE, ROLE, CONSUMER], [service.name, role, consumer]);
      assert.deepEqual([TABLE_PREFIX, QUEUE_PREFIX, METRICS], ['souk-', 'souk-', 'false']);
      assert.deepEqual([each.Runtime, each.Architectures, each.LoggingConfig.LogFormat], ['provided.al2023', ['arm64'], 'JSON']);
    }
    const operations = made.find(({ FunctionName }) => FunctionName === 'souk-operations-api').Environment.Variables;
    assert.deepEqual(operations.CONSUMERS.split(','), consumers.map(({ name }) => name));
    assert.equal(operations.DELIVERY, delivery);
    const logs = ofType(context, 'AWS::Logs::LogGroup').filter(({ Properties }) => Properties.LogGroupName.startsWith('/aws/lambda/'));
    assert.equal(logs.length, made.length);
    assert.ok(logs.every(({ Properties }) => Properties.RetentionInDays === 30));
  });
}

test('every schedule ticks, once a minute at most', () => {
  const made = ofType('default', 'AWS::Scheduler::Schedule').map(({ Properties }) => [Properties.Target.Input, Properties.ScheduleExpression]);
  const expected = MANIFEST.services.flatMap(({ schedules }) => schedules).map(({ name, every_secs }) => {
    const minutes = Math.max(1, Math.ceil(every_secs / 60));
    return [JSON.stringify({ schedule: name }), minutes === 1 ? 'rate(1 minute)' : `rate(${minutes} minutes)`];
  });
  assert.deepEqual(made, expected);
});

test('a stack stays well below what CloudFormation can hold', () => {
  for (const context of Object.keys(CONTEXTS)) {
    for (const [stack, template] of build(context).templates) {
      const count = Object.keys(template.Resources).length;
      assert.ok(count <= 450, `${context} ${stack} has ${count} resources; 500 is the end`);
    }
  }
});

test('the emulator gets nothing that it lacks', () => {
  for (const type of ['AWS::Events::Archive', 'AWS::CloudFront::Distribution', 'AWS::Budgets::Budget', 'AWS::WAFv2::WebACL']) {
    assert.equal(ofType('emulator', type).length, 0, type);
    assert.equal(ofType('full', type).length, 1, type);
  }
});

test('what only a context asks for', () => {
  const [distribution] = ofType('full', 'AWS::CloudFront::Distribution');
  assert.deepEqual(distribution?.Properties.DistributionConfig.Aliases, ['shop.souk.example']);
  assert.equal(ofType('full', 'AWS::ECS::Service').length, 1);
  assert.equal(ofType('default', 'AWS::ECS::Service').length, 0);
  assert.equal(ofType('full', 'AWS::Cognito::UserPoolDomain').length, 1);
  const alarms = ofType('full', 'AWS::CloudWatch::Alarm').length;
  assert.ok(alarms > ofType('default', 'AWS::CloudWatch::Alarm').length);
  assert.match(flat(ofType('full', 'AWS::SNS::Subscription')[0]?.Properties.Endpoint), /admin@souk.example/);
});
