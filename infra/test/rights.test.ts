// Least privilege: no wildcard, and no table, queue or bus that a function has no business with.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rolesOf } from '../src/manifest';
import { CONTEXTS, flat, list, MANIFEST, ofType, resources, type Resource } from './support';

interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Principal?: unknown;
}

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

test('a function reaches its own table, and reads those it says it reads', () => {
  const roles = new Map(resources('emulator').filter(([, { Type }]) => Type === 'AWS::IAM::Role'));
  const pascal = (name: string) => name[0]!.toUpperCase() + name.slice(1);
  for (const service of MANIFEST.services) {
    for (const role of rolesOf(service)) {
      const found = [...roles].find(([name]) => name.startsWith(`souk-shop/${pascal(service.name)}${pascal(role)}Role`));
      assert.ok(found, `${service.name}-${role} has a role`);
      const tables = (writes: boolean) => {
        const statements = statementsOf(found[1]).filter(({ Action }) => list(Action).includes(writes ? 'dynamodb:PutItem' : 'dynamodb:GetItem'));
        const names = statements.flatMap(({ Resource }) => list(Resource).map(flat)).map((text) => /GetAtt(\w+?)Table/.exec(text)?.[1]?.toLowerCase());
        return [...new Set(names)].sort();
      };
      if (role === 'relay') {
        assert.deepEqual([tables(true), tables(false)], [[], []], `${service.name}-relay only follows the stream`);
        continue;
      }
      const own = service.name === 'payments' ? ['payments', 'testgateway'] : [service.name];
      const reads = [...service.reads, ...(role === 'api' ? ['identity'] : [])];
      assert.deepEqual(tables(true), own, `${service.name}-${role} writes`);
      assert.deepEqual(tables(false), [...new Set([...own, ...reads])].sort(), `${service.name}-${role} reads`);
    }
  }
});

test('only the identity service rules accounts, only who signs has the key, only the notifications send mail', () => {
  const holders = (action: string) =>
    resources('emulator')
      .filter(([, resource]) => resource.Type === 'AWS::IAM::Role' && statementsOf(resource).some(({ Action }) => list(Action).includes(action)))
      .map(([name]) => name.replace(/Role[0-9A-F]*$/, ''));
  assert.deepEqual(holders('cognito-idp:AdminSetUserPassword'), ['souk-shop/IdentityApi']);
  assert.deepEqual(holders('secretsmanager:GetSecretValue'), [
    'souk-shop/IdentityApi',
    'souk-shop/IdentityEvents',
    'souk-shop/DirectoryApi',
    'souk-shop/DirectoryEvents',
    'souk-shop/NotificationsApi',
    'souk-shop/NotificationsEvents',
  ]);
  assert.deepEqual(holders('ses:SendEmail'), ['souk-shop/NotificationsApi', 'souk-shop/NotificationsEvents']);
  assert.equal(ofType('emulator', 'AWS::IAM::User').length, 0);
});
