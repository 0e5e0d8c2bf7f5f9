// What each function may do: just what its service and role need, on named resources.

import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type Consumer, dashed, type Resource, type Role, rolesOf, type Service } from './manifest';
import type { Settings } from './settings';
import { type ShopTable, type StateStack, TEST_GATEWAY } from './state-stack';

export const READ = ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query'];
/** A transaction needs the rights of its parts. */
export const WRITE = ['dynamodb:ConditionCheckItem', 'dynamodb:DeleteItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'];
const FOLLOW = ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'];
const CONSUME = ['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:ReceiveMessage'];
/** To look at a message is to receive it and to show it again. */
const LOOK_AFTER = ['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:ReceiveMessage'];
/** What is asked of the pool with rights of our own; the rest of its calls are open to all clients of the pool. */
export const ACCOUNTS = [
  'AdminAddUserToGroup',
  'AdminCreateUser',
  'AdminDeleteUser',
  'AdminDisableUser',
  'AdminEnableUser',
  'AdminGetUser',
  'AdminInitiateAuth',
  'AdminRemoveUserFromGroup',
  'AdminSetUserPassword',
  'AdminUpdateUserAttributes',
  'AdminUserGlobalSignOut',
].map((action) => `cognito-idp:${action}`);

export interface GrantContext {
  readonly settings: Settings;
  readonly state: StateStack;
  /** The service whose table is read for every request with a token. */
  readonly accounts: string;
  /** Where Lambda puts what the function gives up, where the bus calls it. */
  readonly deadArn?: string;
  /** ARNs of the queues of this service's consumers. */
  readonly queueArns: readonly string[];
  /** Of all consumers' queues, where they have some, and of what they have given up. */
  readonly allQueueArns: readonly string[];
  readonly allDeadArns: readonly string[];
  /** Where records go that the relay could not hand on. */
  readonly relayDeadArn?: string;
}

/**
 * The source of a dead letter that is delivered again, to the one consumer whose name is its type
 * (`adapters/aws/src/bus.rs`). It does not begin as those of events do, so no other rule and no archive takes it.
 */
export const REDRIVE_SOURCE = 'redrive';

/** The statements of a function's only policy, without those for its log. */
export function grantsOf(service: Service, role: Role, context: GrantContext): PolicyStatement[] {
  const { state } = context;
  if (role === 'relay') {
    const { table } = tableOf(state, service.name);
    return [
      new PolicyStatement({ sid: 'FollowTable', actions: FOLLOW, resources: [table.tableStreamArn!] }),
      new PolicyStatement({ sid: 'Publish', actions: ['events:PutEvents'], resources: [state.bus.eventBusArn] }),
      ...(context.relayDeadArn === undefined
        ? []
        : [new PolicyStatement({ sid: 'SetAside', actions: ['sqs:SendMessage'], resources: [context.relayDeadArn] })]),
    ];
  }
  const statements = [
    ...(service.table === undefined ? [] : ownTable(tableOf(state, service.name))),
    ...reads(service, role, context),
    ...service.needs.filter((need) => need.roles.includes(role)).flatMap((need) => RIGHTS[need.resource](context)),
  ];
  if (context.deadArn !== undefined) {
    statements.push(new PolicyStatement({ sid: 'GiveUp', actions: ['sqs:SendMessage'], resources: [context.deadArn] }));
  } else if (role === 'events') {
    statements.push(new PolicyStatement({ sid: 'Consume', actions: CONSUME, resources: [...context.queueArns] }));
  }
  return statements;
}

function ownTable({ table, indexes }: ShopTable): PolicyStatement[] {
  return [
    new PolicyStatement({ sid: 'OwnTable', actions: [...READ, ...WRITE], resources: [table.tableArn] }),
    ...(indexes.length > 0 ? [new PolicyStatement({ sid: 'OwnIndexes', actions: ['dynamodb:Query'], resources: [...indexes] })] : []),
  ];
}

/** Besides what a service declares, whoever answers people looks up the account behind a token. */
function reads(service: Service, role: Role, { state, accounts }: GrantContext): PolicyStatement[] {
  const others = new Set([...service.reads, ...(role === 'api' ? [accounts] : [])]);
  others.delete(service.name);
  const tables = [...others].filter((name) => state.tables.has(name)).map((name) => tableOf(state, name));
  if (tables.length === 0) return [];
  const indexes = tables.flatMap((table) => table.indexes);
  return [
    new PolicyStatement({ sid: 'ReadOthers', actions: READ, resources: tables.map(({ table }) => table.tableArn) }),
    ...(indexes.length > 0 ? [new PolicyStatement({ sid: 'ReadOthersIndexes', actions: ['dynamodb:Query'], resources: indexes })] : []),
  ];
}

/** What each resource asks of AWS. */
const RIGHTS: Record<Resource, (context: GrantContext) => PolicyStatement[]> = {
  // No home on AWS offers these, so no service that needs them is built there.
  event_log: () => [],
  search_index: () => [],
  // A file beside the program.
  time_zones: () => [],
  files: ({ state }) => [
    new PolicyStatement({ sid: 'Files', actions: ['s3:GetObject', 's3:PutObject'], resources: [state.filesObjects] }),
    // Without it S3 says that a missing file is forbidden.
    new PolicyStatement({ sid: 'MissingFiles', actions: ['s3:ListBucket'], resources: [state.files.bucketArn] }),
  ],
  gateway: ({ settings, state }) => {
    if (!settings.testGateway) return [];
    const { table, indexes } = tableOf(state, TEST_GATEWAY.name);
    return [
      new PolicyStatement({ sid: 'TestGateway', actions: [...READ, ...WRITE], resources: [table.tableArn] }),
      new PolicyStatement({ sid: 'TestGatewayIndexes', actions: ['dynamodb:Query'], resources: [...indexes] }),
    ];
  },
  mail: ({ state }) =>
    state.mail === undefined
      ? []
      : [new PolicyStatement({ sid: 'SendMail', actions: ['ses:SendEmail'], resources: [state.mail.emailIdentityArn] })],
  queues: ({ settings, state, allQueueArns, allDeadArns }) => [
    new PolicyStatement({ sid: 'Depths', actions: ['sqs:GetQueueAttributes', 'sqs:GetQueueUrl'], resources: [...allQueueArns, ...allDeadArns] }),
    new PolicyStatement({ sid: 'DeadLetters', actions: LOOK_AFTER, resources: [...allDeadArns] }),
    settings.delivery === 'queues'
      ? new PolicyStatement({ sid: 'Redrive', actions: ['sqs:SendMessage'], resources: [...allQueueArns] })
      : new PolicyStatement({
          sid: 'Redrive',
          actions: ['events:PutEvents'],
          resources: [state.bus.eventBusArn],
          conditions: { StringEquals: { 'events:source': REDRIVE_SOURCE } },
        }),
  ],
  // For links in mails, which are signed, and for tokens where there is no pool.
  signing_key: ({ state }) => [
    new PolicyStatement({ sid: 'SigningKey', actions: ['secretsmanager:GetSecretValue'], resources: [state.signingKey.secretArn] }),
  ],
  user_pool: ({ state }) => [new PolicyStatement({ sid: 'Accounts', actions: ACCOUNTS, resources: [state.pool.userPoolArn] })],
};

function tableOf(state: StateStack, name: string): ShopTable {
  const table = state.tables.get(name);
  if (table === undefined) throw new Error(`there is no table of ${name}`);
  return table;
}

/** A function of a service. Where the bus calls it for events, it is for one consumer. */
export interface FunctionPart {
  readonly name: string;
  readonly role: Role;
  readonly consumer?: Consumer;
}

/** Where the bus calls, each consumer has a function of its own: Lambda has one place for what a function gives up. */
export function functionsOf(settings: Settings, service: Service): FunctionPart[] {
  const { prefix, delivery } = settings;
  return rolesOf(service).flatMap((role): FunctionPart[] => {
    if (role !== 'events' || delivery === 'queues') return [{ name: `${prefix}${service.name}-${role}`, role }];
    return service.consumers.map((consumer) => ({ name: `${prefix}${dashed(consumer.name)}-${role}`, role, consumer }));
  });
}

export function queueName(settings: Settings, consumer: string): string {
  return `${settings.prefix}${dashed(consumer)}`;
}
