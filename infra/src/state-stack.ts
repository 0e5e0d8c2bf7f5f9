// What has to survive: tables, files, users, secrets, the bus with its archive.

import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secrets from 'aws-cdk-lib/aws-secretsmanager';
import * as ses from 'aws-cdk-lib/aws-ses';
import type { Construct } from 'constructs';
import { acknowledge } from './findings';
import { type Manifest, pascal, type TableSchema } from './manifest';
import type { Settings } from './settings';

/** The test gateway keeps its own book; no service has it in the manifest. */
export const TEST_GATEWAY: TableSchema = { name: 'test-gateway', indexes: 1 };

/** Groups of the pool carry the names of roles. */
const GROUPS = { customer: 'Buys', business: 'Sells and offers', support: 'Sees everything', admin: 'Changes everything' };

export interface StateProps extends StackProps {
  readonly settings: Settings;
  readonly manifest: Manifest;
}

export class StateStack extends Stack {
  /** By the name of the service. */
  readonly tables: ReadonlyMap<string, ShopTable>;
  readonly files: s3.Bucket;
  readonly logs: s3.Bucket;
  readonly pool: cognito.UserPool;
  readonly client: cognito.CfnUserPoolClient;
  readonly signingKey: secrets.Secret;
  readonly bus: events.EventBus;
  readonly mail?: ses.EmailIdentity;
  private readonly settings: Settings;

  constructor(scope: Construct, id: string, props: StateProps) {
    super(scope, id, props);
    this.settings = props.settings;
    const schemas = props.manifest.services.flatMap((service) => service.table ?? []);
    if (props.settings.testGateway) schemas.push(TEST_GATEWAY);
    this.tables = new Map(schemas.map((schema) => [schema.name, this.table(schema)]));
    this.logs = this.bucket('Logs', {
      // CloudFront writes its log with an access list.
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_PREFERRED,
      lifecycleRules: [{ expiration: Duration.days(this.settings.logDays) }],
    });
    acknowledge(this.logs, 'AwsSolutions-S1', 'this bucket takes the access logs of the others; its own would go round in a circle');
    this.files = this.bucket('Files', {
      bucketName: `${this.settings.prefix}files-${this.account}-${this.region}`,
      serverAccessLogsBucket: this.logs,
      serverAccessLogsPrefix: 'files/',
      cors: this.uploadSites(),
      versioned: true,
      lifecycleRules: [{ noncurrentVersionExpiration: Duration.days(30), abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    });
    if (this.settings.edge) this.files.addToResourcePolicy(this.edgeMayRead());
    this.pool = this.userPool();
    this.client = this.poolClient();
    this.signingKey = this.secret();
    this.bus = this.eventBus();
    const mail = mailIdentity(this.settings);
    if (mail !== undefined) this.mail = new ses.EmailIdentity(this, 'Mail', { identity: mail });
    this.outputs();
  }

  /** The objects of the bucket of files, by a name that does not have to be imported. */
  get filesObjects(): string {
    return `arn:${this.partition}:s3:::${this.settings.prefix}files-${this.account}-${this.region}/*`;
  }

  get signingKeyName(): string {
    return `${this.settings.prefix}signing-key`;
  }

  private get removal(): RemovalPolicy {
    return this.settings.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
  }

  private table(schema: TableSchema): ShopTable {
    const text = (name: string) => ({ name, type: dynamodb.AttributeType.STRING });
    const table = new dynamodb.Table(this, `${pascal(schema.name)}Table`, {
      tableName: `${this.settings.prefix}${schema.name}`,
      partitionKey: text('pk'),
      sortKey: text('sk'),
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: this.settings.accountKey ? dynamodb.TableEncryption.AWS_MANAGED : dynamodb.TableEncryption.DEFAULT,
      stream: dynamodb.StreamViewType.NEW_IMAGE,
      timeToLiveAttribute: 'ttl',
      deletionProtection: this.settings.keepData,
      removalPolicy: this.removal,
    });
    const numbers = Array.from({ length: schema.indexes }, (_, index) => index + 1);
    for (const number of numbers) {
      // Names of attributes are stored with every item and so are short; names of indexes need three characters.
      table.addGlobalSecondaryIndex({
        indexName: `index${number}`,
        partitionKey: text(`i${number}pk`),
        sortKey: text(`i${number}sk`),
        // An entry is then written only when its key changes, not whenever its item does.
        projectionType: dynamodb.ProjectionType.KEYS_ONLY,
      });
    }
    return { table, indexes: numbers.map((number) => `${table.tableArn}/index/index${number}`) };
  }

  private bucket(id: string, props: s3.BucketProps): s3.Bucket {
    return new s3.Bucket(this, id, {
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      removalPolicy: this.removal,
      ...props,
    });
  }

  /** Pages that upload pictures straight into the bucket come from these sites. */
  private uploadSites(): s3.CorsRule[] {
    const { publicUrl, domainName, corsOrigins } = this.settings;
    const own = publicUrl ?? (domainName === undefined ? undefined : `https://${domainName}`);
    const allowedOrigins = [...new Set([...(own === undefined ? [] : [own]), ...corsOrigins])];
    if (allowedOrigins.length === 0) return [];
    return [{ allowedOrigins, allowedMethods: [s3.HttpMethods.PUT], allowedHeaders: ['content-type', 'content-length'], maxAge: 3600 }];
  }

  /** Distributions of this account: the one of this shop is made later and needs the bucket. */
  private edgeMayRead(): iam.PolicyStatement {
    return new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal('cloudfront.amazonaws.com')],
      actions: ['s3:GetObject'],
      resources: [this.files.arnForObjects('*')],
      conditions: { StringLike: { 'AWS:SourceArn': `arn:${this.partition}:cloudfront::${this.account}:distribution/*` } },
    });
  }

  /** Only the identity service speaks to the pool; nobody can sign up or prove an address behind its back. */
  private userPool(): cognito.UserPool {
    const pool = new cognito.UserPool(this, 'Users', {
      userPoolName: `${this.settings.prefix}users`,
      selfSignUpEnabled: false,
      signInAliases: { email: true },
      signInCaseSensitive: false,
      autoVerify: { email: true },
      keepOriginal: { email: true },
      standardAttributes: { email: { required: true, mutable: true }, fullname: { required: false, mutable: true } },
      // The identity service's own rule; a stricter pool would refuse passwords that the service has accepted.
      passwordPolicy: { minLength: 10, requireLowercase: false, requireUppercase: false, requireDigits: false, requireSymbols: false },
      accountRecovery: cognito.AccountRecovery.NONE,
      mfa: cognito.Mfa.OPTIONAL,
      mfaSecondFactor: { otp: true, sms: false },
      deletionProtection: this.settings.keepData,
      removalPolicy: this.removal,
    });
    for (const [groupName, description] of Object.entries(GROUPS)) {
      new cognito.CfnUserPoolGroup(this, `${pascal(groupName)}Group`, { userPoolId: pool.userPoolId, groupName, description });
    }
    if (this.settings.hostedDomain !== undefined) {
      pool.addDomain('Domain', { cognitoDomain: { domainPrefix: this.settings.hostedDomain } });
    }
    const long = 'length beats kinds of characters (NIST SP 800-63B), and the identity service refuses known passwords';
    acknowledge(pool, 'AwsSolutions-COG1', long);
    acknowledge(pool, 'AwsSolutions-COG2', 'shoppers choose for themselves whether to use a second factor; a code generator is offered');
    acknowledge(pool, 'AwsSolutions-COG8', 'threat protection belongs to the Plus plan, which costs per user; the operator can choose it');
    return pool;
  }

  /** Without a secret: the identity service authenticates with its role, and pages could not keep one. */
  private poolClient(): cognito.CfnUserPoolClient {
    const domain = this.settings.hostedDomain !== undefined;
    const site = this.settings.publicUrl ?? `https://${this.settings.domainName ?? 'localhost'}`;
    const hosted = {
      allowedOAuthFlowsUserPoolClient: true,
      allowedOAuthFlows: ['code'],
      allowedOAuthScopes: ['openid', 'email', 'profile'],
      callbackUrLs: [`${site}/signed-in`],
      logoutUrLs: [`${site}/`],
      supportedIdentityProviders: ['COGNITO'],
    };
    return new cognito.CfnUserPoolClient(this, 'Client', {
      userPoolId: this.pool.userPoolId,
      clientName: `${this.settings.prefix}shop`,
      generateSecret: false,
      explicitAuthFlows: ['ALLOW_ADMIN_USER_PASSWORD_AUTH'],
      preventUserExistenceErrors: 'ENABLED',
      enableTokenRevocation: true,
      // The grace covers an answer that was lost on the way.
      refreshTokenRotation: { feature: 'ENABLED', retryGracePeriodSeconds: 10 },
      accessTokenValidity: 15,
      idTokenValidity: 15,
      refreshTokenValidity: 30,
      tokenValidityUnits: { accessToken: 'minutes', idToken: 'minutes', refreshToken: 'days' },
      ...(domain ? hosted : {}),
    });
  }

  /**
   * 64 hexadecimal digits sign links and tokens. Secrets Manager has no generator for these: it leaves
   * out every other character.
   */
  private secret(): secrets.Secret {
    const secret = new secrets.Secret(this, 'SigningKey', {
      secretName: this.signingKeyName,
      description: '32 bytes as 64 hexadecimal digits: signs links and tokens',
      generateSecretString: {
        passwordLength: 64,
        includeSpace: false,
        excludePunctuation: true,
        excludeUppercase: true,
        excludeCharacters: 'ghijklmnopqrstuvwxyz',
        requireEachIncludedType: false,
      },
      removalPolicy: this.removal,
    });
    acknowledge(secret, 'AwsSolutions-SMG4', 'a new key ends every session and every link in a mail: it is changed by hand, on suspicion');
    return secret;
  }

  private eventBus(): events.EventBus {
    const bus = new events.EventBus(this, 'Bus', { eventBusName: `${this.settings.prefix}events` });
    if (this.settings.archiveDays > 0) {
      bus.archive('Archive', {
        archiveName: `${this.settings.prefix}events`,
        description: 'Every event, to be replayed',
        eventPattern: { source: events.Match.prefix('souk.') },
        retention: Duration.days(this.settings.archiveDays),
      });
    }
    return bus;
  }

  private outputs(): void {
    new CfnOutput(this, 'UserPoolId', { value: this.pool.userPoolId });
    new CfnOutput(this, 'UserPoolClientId', { value: this.client.ref });
    new CfnOutput(this, 'EventBusName', { value: this.bus.eventBusName });
    new CfnOutput(this, 'FilesBucket', { value: this.files.bucketName });
    new CfnOutput(this, 'SigningKeySecret', { value: this.signingKeyName });
  }
}

/** A table and the ARNs of its indexes, each by name: a grant needs no wildcard. */
export interface ShopTable {
  readonly table: dynamodb.Table;
  readonly indexes: readonly string[];
}

/** The domain of the sender's address, unless SES is to prove something else. */
export function mailIdentity(settings: Settings): ses.Identity | undefined {
  const address = settings.mailFrom?.replace(/^.*<|>.*$/g, '');
  const identity = settings.mailIdentity ?? address?.split('@')[1];
  if (identity === undefined) return undefined;
  return identity.includes('@') ? ses.Identity.email(identity) : ses.Identity.domain(identity);
}
