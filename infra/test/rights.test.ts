// Least privilege: no wildcard, and no table, queue or bus that a function has no business with.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dashed, pascal } from '../src/manifest';
import { CONTEXTS, flat, functionsOf, list, MANIFEST, ofType, resources, type Resource } from './support';

interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Principal?: unknown;
  readonly Condition?: unknown;
}

/** One for each way of delivery, with mail and the test gateway. */
const WAYS = { direct: 'emulator', queues: 'queuesEach' };

/** Wildcards that AWS leaves no way around. */
const EXCEPTIONS: { actions: string[]; resource: RegExp; reason: string }[] = [
  { actions: ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'], resource: /^\*$/, reason: 'X-Ray has no resources' },
  { actions: ['s3:GetObject', 's3:PutObject'], resource: /souk-files-[^*]*\/\*$/, reason: 'files get their names when they are uploaded' },
];

function statementsOf(resource: Resource): Statement[] {
  const { PolicyDocument: document, Policies: inline } = resource.Properties ?? {};
  const documents = [document, ...list<any>(inline).map((policy) => policy.PolicyDocument)].filter((found) => found !== undefined);
  return documents.flatMap((found) => list<Statement>(found.Statement));
}

function isException(statement: Statement, resource: string): boolean {
  const actions = list(statement.Action);
  return EXCEPTIONS.some((exception) => exception.resource.test(resource) && actions.every((action) => exception.actions.includes(action)));
}

for (const context of Object.keys(CONTEXTS)) {
  test(`${context}: no right has a wildcard`, () => {
    let seen = 0;
    for (const [name, resource] of resources(context).filter(([, { Type }]) => Type.startsWith('AWS::IAM::'))) {
      for (const statement of statementsOf(resource).filter(({ Effect }) => Effect === 'Allow')) {
        seen += 1;
        assert.deepEqual(list(statement.Action).filter((action) => action.includes('*')), [], `${name} ${statement.Sid}`);
        const wide = list(statement.Resource).map(flat).filter((text) => text.includes('*') && !isException(statement, text));
        assert.deepEqual(wide, [], `${name} ${statement.Sid}`);
      }
      assert.deepEqual(list(resource.Properties?.ManagedPolicyArns), [], `${name}: policies of AWS are too wide`);
    }
    assert.ok(seen > 100, `${seen} statements`);
  });

  test(`${context}: nothing is open to everybody`, () => {
    for (const [name, resource] of resources(context).filter(([, { Type }]) => /Policy$/.test(Type) && !Type.startsWith('AWS::IAM::'))) {
      for (const statement of statementsOf(resource).filter(({ Effect }) => Effect === 'Allow')) {
        assert.ok(!JSON.stringify(statement.Principal).includes('"*"'), `${name} ${statement.Sid}`);
        assert.ok(list(statement.Action).every((action) => !action.includes('*')), `${name} ${statement.Sid}`);
      }
    }
  });
}

for (const [way, context] of Object.entries(WAYS)) {
  const roles = resources(context).filter(([, { Type }]) => Type === 'AWS::IAM::Role');
  const nameOf = (key: string) => key.replace(/^souk-shop\/|Role[0-9A-F]*$/g, '');

  test(`${way}: a function reaches its own table, and reads those it says it reads`, () => {
    for (const [name, { service, role }] of functionsOf(context)) {
      const found = roles.find(([key]) => nameOf(key) === pascal(name));
      assert.ok(found, `${name} has a role`);
      const tables = (writes: boolean) => {
        const statements = statementsOf(found[1]).filter(({ Action }) => list(Action).includes(writes ? 'dynamodb:PutItem' : 'dynamodb:GetItem'));
        const names = statements.flatMap(({ Resource }) => list(Resource).map(flat)).map((text) => /GetAtt(\w+?)Table/.exec(text)?.[1]?.toLowerCase());
        return [...new Set(names)].sort();
      };
      if (role === 'relay') {
        assert.deepEqual([tables(true), tables(false)], [[], []], `${name} only follows the stream`);
        continue;
      }
      const own = service.name === 'payments' ? ['payments', 'testgateway'] : service.table === undefined ? [] : [service.name];
      const reads = [...service.reads, ...(role === 'api' ? [MANIFEST.accounts] : [])];
      assert.deepEqual(tables(true), own, `${name} writes`);
      assert.deepEqual(tables(false), [...new Set([...own, ...reads])].sort(), `${name} reads`);
    }
  });

  test(`${way}: a queue is read by its consumer, and what was given up only by the operations`, () => {
    const queues = resources(context).filter(([, { Type }]) => Type === 'AWS::SQS::Queue');
    const named = new Map(queues.map(([name, { Properties }]) => [name.replace('souk-shop/', ''), Properties.QueueName as string]));
    // Who may do it, by the name of the queue.
    const holders = new Map<string, string[]>();
    for (const [name, role] of roles) {
      for (const statement of statementsOf(role)) {
        for (const action of list(statement.Action).filter((action) => action.startsWith('sqs:'))) {
          for (const resource of list(statement.Resource).map(flat)) {
            const queue = named.get(/^<(\w+)\.Arn>$/.exec(resource)?.[1] ?? '');
            assert.ok(queue, `${name} ${statement.Sid}: ${resource} is a queue`);
            const key = `${action} ${queue}`;
            holders.set(key, [...(holders.get(key) ?? []), nameOf(name)]);
          }
        }
      }
    }
    const who = (action: string, queue: string) => holders.get(`sqs:${action} ${queue}`) ?? [];
    for (const service of MANIFEST.services) {
      for (const { name } of service.consumers) {
        const queue = `souk-${dashed(name)}`;
        const events = way === 'queues' ? `${pascal(service.name)}Events` : `${pascal(name)}Events`;
        for (const action of ['ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility']) {
          assert.deepEqual(who(action, queue), way === 'queues' ? [events] : [], `${action} ${queue}`);
          assert.deepEqual(who(action, `${queue}-dead`), ['OperationsApi'], `${action} ${queue}-dead`);
        }
        assert.deepEqual(who('SendMessage', queue), way === 'queues' ? ['OperationsApi'] : [], `the bus has its right from the queue: ${queue}`);
        assert.deepEqual(who('SendMessage', `${queue}-dead`), way === 'queues' ? [] : [events], `Lambda gives up in the function's name: ${queue}`);
      }
    }
    const operations = [...holders].filter(([, names]) => names.includes('OperationsApi')).map(([key]) => key);
    assert.deepEqual(operations.filter((key) => /relay-dead|tick-dead|Purge|Create|Set/.test(key)), []);
  });

  test(`${way}: only relays tell events, and the operations only bring letters back`, () => {
    for (const [key, role] of roles) {
      const puts = statementsOf(role).filter(({ Action }) => list(Action).includes('events:PutEvents'));
      const name = nameOf(key);
      if (/Relay$/.test(name)) assert.deepEqual(puts.map(({ Condition }) => Condition), [undefined], name);
      else if (name === 'OperationsApi' && way === 'direct') {
        assert.deepEqual(puts.map(({ Condition }) => Condition), [{ StringEquals: { 'events:source': 'redrive' } }]);
      } else assert.deepEqual(puts, [], name);
    }
    assert.ok(roles.every(([, role]) => statementsOf(role).every(({ Action }) => !list(Action).includes('lambda:InvokeFunction') || JSON.stringify(role).includes('scheduler.amazonaws.com'))));
  });
}

for (const [way, context] of Object.entries(WAYS)) {
  test(`${way}: only the identity service rules accounts, only who signs has the key, only the notifications send mail`, () => {
    const holders = (action: string) =>
      resources(context)
        .filter(([, resource]) => resource.Type === 'AWS::IAM::Role' && statementsOf(resource).some(({ Action }) => list(Action).includes(action)))
        .map(([name]) => name.replace(/^souk-shop\/|Role[0-9A-F]*$/g, ''));
    const direct = way === 'direct';
    assert.deepEqual(holders('cognito-idp:AdminSetUserPassword'), ['IdentityApi']);
    assert.deepEqual(holders('secretsmanager:GetSecretValue'), [
      'IdentityApi',
      'IdentityEvents',
      'DirectoryApi',
      'DirectoryEvents',
      'OrdersApi',
      'OrdersEvents',
      'OrdersTick',
      'NotificationsApi',
      'NotificationsEvents',
      ...(direct ? ['NotificationsSendEvents'] : []),
    ]);
    assert.deepEqual(holders('ses:SendEmail'), ['NotificationsEvents', ...(direct ? ['NotificationsSendEvents'] : [])]);
    assert.equal(ofType(context, 'AWS::IAM::User').length, 0);
  });
}
