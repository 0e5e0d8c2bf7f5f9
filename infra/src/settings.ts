// The context of the app (`-c key=value`, or "context" in cdk.json) as one checked value.
// docs/deploy-aws.md lists the keys for people.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Node } from 'constructs';

export type ArchitectureName = 'arm64' | 'x86_64';

/** `direct`: the bus calls the consumers' functions. `queues`: it fills a queue for each consumer, which Lambda polls. */
export type Delivery = 'direct' | 'queues';

export interface Settings {
  /** Begins the name of everything that has a name: stacks, tables, queues, functions. */
  readonly prefix: string;
  readonly architecture: ArchitectureName;
  /** A folder with `bootstrap` or a zip of it. */
  readonly code: string;
  /** Whether `code` is the real program and not the note that it was not built. */
  readonly built: boolean;
  /** Tables, files, users and secrets outlive their stack and resist deletion. */
  readonly keepData: boolean;
  /** Encrypt tables with the account's key aws/dynamodb, which CloudTrail records, instead of DynamoDB's own. */
  readonly accountKey: boolean;
  /** How long the bus keeps events for replay; 0 for no archive. */
  readonly archiveDays: number;
  readonly logDays: number;
  readonly tracing: boolean;
  readonly delivery: Delivery;
  /** Functions tell CloudWatch their own metrics, each of which costs, instead of only writing them into the log. */
  readonly metrics: boolean;
  /** CloudFront in front of the API and the web app. */
  readonly edge: boolean;
  /** The bucket of the web app answers at `/` instead of the shop's own page. */
  readonly webApp: boolean;
  readonly domainName?: string;
  /** In us-east-1, for CloudFront. */
  readonly certificateArn?: string;
  readonly webAclArn?: string;
  /** Requests of one address in five minutes from which the firewall stops it; 0 for no firewall. */
  readonly firewallRequests: number;
  /** Where people open the shop; found out from what is built if it is not given. */
  readonly publicUrl?: string;
  /** Other sites whose pages may call the API. */
  readonly corsOrigins: readonly string[];
  readonly requestsPerSecond: number;
  readonly requestsBurst: number;
  /** `Souk <shop@example.com>`. */
  readonly mailFrom?: string;
  /** The domain or address that SES has to prove to be ours; from `mailFrom` if it is not given. */
  readonly mailIdentity?: string;
  readonly testGateway: boolean;
  /** Where functions find DynamoDB instead of where it is: for tests that let its calls fail. */
  readonly dynamodbEndpoint?: string;
  /** The first part of `<name>.auth.<region>.amazoncognito.com`. */
  readonly hostedDomain?: string;
  readonly alarmEmail?: string;
  /** Alarms for each function, consumer and relay, instead of one of each kind for all of the account and region. */
  readonly alarmsEach: boolean;
  /** In US dollars; 0 for no budget. */
  readonly monthlyBudget: number;
  /** Further settings of the shop: `SOUK_*` variables of every function. */
  readonly shop: Readonly<Record<string, string>>;
  /** An image of the container; without one there is no container stack. */
  readonly containerImage?: string;
  readonly containerCertificateArn?: string;
  readonly containerTasksMax: number;
}

const INFRA = resolve(__dirname, '../..');

/** Reads and checks the context; throws a sentence that says what is wrong. */
export function readSettings(node: Node): Settings {
  const take = new Context(node);
  const emulator = take.flag('emulator', false);
  const architecture = take.choice('arch', ['arm64', 'x86_64'], 'arm64');
  const wanted = resolve(INFRA, take.text('lambda') ?? `../target/lambda/${architecture}`);
  const built = existsSync(wanted);
  const settings = {
    prefix: take.text('prefix') ?? 'souk-',
    architecture,
    code: built ? wanted : join(INFRA, 'unbuilt'),
    built,
    keepData: take.flag('keepData', !emulator),
    accountKey: take.flag('accountKey', false),
    archiveDays: take.number('archiveDays', emulator ? 0 : 30),
    logDays: take.number('logDays', 30),
    tracing: take.flag('tracing', true),
    delivery: take.choice('delivery', ['direct', 'queues'], 'direct'),
    metrics: take.flag('metrics', false),
    edge: take.flag('edge', !emulator),
    webApp: take.flag('webApp', false),
    ...take.optional('domainName'),
    ...take.optional('certificateArn'),
    ...take.optional('webAclArn'),
    firewallRequests: take.number('firewallRequests', 0),
    ...take.optional('publicUrl'),
    corsOrigins: take.list('corsOrigins'),
    requestsPerSecond: take.number('requestsPerSecond', 200),
    requestsBurst: take.number('requestsBurst', 400),
    ...take.optional('mailFrom'),
    ...take.optional('mailIdentity'),
    testGateway: take.flag('testGateway', false),
    ...take.optional('dynamodbEndpoint'),
    ...take.optional('hostedDomain'),
    ...take.optional('alarmEmail'),
    alarmsEach: take.flag('alarmsEach', false),
    monthlyBudget: take.number('monthlyBudget', 0),
    shop: take.record('shop', /^SOUK_[A-Z0-9_]+$/),
    ...take.optional('containerImage'),
    ...take.optional('containerCertificateArn'),
    containerTasksMax: take.number('containerTasksMax', 4),
  } satisfies Settings;
  check(settings);
  return settings;
}

function check(settings: Settings): void {
  const refuse = (wrong: boolean, text: string) => {
    if (wrong) throw new Error(text);
  };
  refuse(!/^[a-z][a-z0-9-]{0,19}-$/.test(settings.prefix), 'prefix must be lower-case letters, digits and dashes, and end in a dash');
  refuse((settings.domainName === undefined) !== (settings.certificateArn === undefined), 'domainName and certificateArn go together');
  refuse(settings.domainName !== undefined && !settings.edge, 'domainName needs edge=true: CloudFront answers for it');
  refuse(settings.webApp && !settings.edge, 'webApp needs edge=true: CloudFront serves it');
  refuse(settings.publicUrl?.endsWith('/') ?? false, 'publicUrl ends without a slash');
  refuse(settings.corsOrigins.includes('*'), 'corsOrigins names sites; * would let every page call the API');
  refuse(settings.monthlyBudget > 0 && settings.alarmEmail === undefined, 'monthlyBudget needs alarmEmail: somebody has to be told');
  refuse(
    (settings.containerImage === undefined) !== (settings.containerCertificateArn === undefined),
    'containerImage and containerCertificateArn go together',
  );
  refuse(
    settings.firewallRequests !== 0 && (settings.firewallRequests < 10 || settings.firewallRequests > 2_000_000_000),
    'firewallRequests must be 0 or between 10 and 2000000000',
  );
}

/** Values from the command line are texts, values from cdk.json are what they are. */
class Context {
  constructor(private readonly node: Node) {}

  text(key: string): string | undefined {
    const value: unknown = this.node.tryGetContext(key);
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value === 'object') throw new Error(`context ${key} must be a text`);
    return String(value);
  }

  optional<K extends string>(key: K): { [P in K]?: string } {
    const value = this.text(key);
    return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
  }

  choice<T extends string>(key: string, choices: readonly T[], otherwise: T): T {
    const value = this.text(key) ?? otherwise;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw new Error(`context ${key} must be one of ${choices.join(', ')}`);
    return found;
  }

  flag(key: string, otherwise: boolean): boolean {
    return this.choice(key, ['true', 'false'], otherwise ? 'true' : 'false') === 'true';
  }

  number(key: string, otherwise: number): number {
    const value = Number(this.text(key) ?? otherwise);
    if (!Number.isInteger(value) || value < 0) throw new Error(`context ${key} must be a whole number from 0`);
    return value;
  }

  list(key: string): string[] {
    return (this.text(key) ?? '').split(',').map((part) => part.trim()).filter((part) => part !== '');
  }

  record(key: string, name: RegExp): Record<string, string> {
    const given: unknown = this.node.tryGetContext(key) ?? {};
    const value: unknown = typeof given === 'string' ? JSON.parse(given) : given;
    if (typeof value !== 'object' || value === null) throw new Error(`context ${key} must be an object`);
    return Object.fromEntries(
      Object.entries(value).map(([entry, setting]) => {
        if (!name.test(entry)) throw new Error(`context ${key}: ${entry} is not a setting`);
        return [entry, String(setting)];
      }),
    );
  }
}
