// What people reach: the HTTP API, and CloudFront before it and the web app.

import { Aws, CfnOutput, Duration, Fn, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as gateway from 'aws-cdk-lib/aws-apigatewayv2';
import * as certificates from 'aws-cdk-lib/aws-certificatemanager';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as origins from 'aws-cdk-lib/aws-cloudfront-origins';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { acknowledge } from './findings';
import type { Manifest } from './manifest';
import type { Settings } from './settings';
import type { StateStack } from './state-stack';

const ACCESS_LOG = {
  requestId: '$context.requestId',
  time: '$context.requestTime',
  address: '$context.identity.sourceIp',
  route: '$context.routeKey',
  status: '$context.status',
  bytes: '$context.responseLength',
  latency_ms: '$context.responseLatency',
  integration_error: '$context.integrationErrorMessage',
  authorizer_error: '$context.authorizer.error',
};
const CORS_HEADERS = ['authorization', 'content-type', 'idempotency-key', 'if-match', 'if-none-match', 'prefer'];
const CORS_EXPOSED = ['etag', 'location', 'retry-after'];
/** Everything the web app needs is its own; pictures may also come from elsewhere over HTTPS. */
const CONTENT_POLICY =
  "default-src 'self'; img-src 'self' data: https:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; frame-ancestors 'none'";

export interface FrontProps extends StackProps {
  readonly settings: Settings;
  readonly manifest: Manifest;
  readonly state: StateStack;
}

export class FrontStack extends Stack {
  readonly api: gateway.HttpApi;
  /** Where people open the shop. */
  readonly publicUrl: string;
  readonly distribution?: cloudfront.Distribution;
  private readonly settings: Settings;
  private readonly state: StateStack;

  constructor(scope: Construct, id: string, props: FrontProps) {
    super(scope, id, props);
    this.settings = props.settings;
    this.state = props.state;
    this.api = this.httpApi();
    if (this.settings.edge) this.distribution = this.edge(props.manifest);
    this.publicUrl = this.findPublicUrl();
    new CfnOutput(this, 'ApiUrl', { value: this.api.apiEndpoint });
    new CfnOutput(this, 'PublicUrl', { value: this.publicUrl });
  }

  private findPublicUrl(): string {
    const { publicUrl, domainName } = this.settings;
    if (publicUrl !== undefined) return publicUrl;
    if (domainName !== undefined) return `https://${domainName}`;
    return this.distribution === undefined ? this.api.apiEndpoint : `https://${this.distribution.distributionDomainName}`;
  }

  private httpApi(): gateway.HttpApi {
    const { corsOrigins } = this.settings;
    const api = new gateway.HttpApi(this, 'Api', {
      apiName: `${this.settings.prefix}api`,
      createDefaultStage: false,
      ...(corsOrigins.length === 0
        ? {}
        : {
            corsPreflight: {
              allowOrigins: [...corsOrigins],
              allowMethods: [gateway.CorsHttpMethod.ANY],
              allowHeaders: CORS_HEADERS,
              exposeHeaders: CORS_EXPOSED,
              maxAge: Duration.hours(1),
            },
          }),
    });
    const accessLog = new logs.LogGroup(this, 'AccessLog', {
      // Names that begin so need no policy of their own to be written to.
      logGroupName: `/aws/vendedlogs/${this.settings.prefix}api`,
      retention: retention(this.settings.logDays),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new gateway.CfnStage(this, 'Stage', {
      apiId: api.apiId,
      stageName: '$default',
      autoDeploy: true,
      defaultRouteSettings: {
        throttlingRateLimit: this.settings.requestsPerSecond,
        throttlingBurstLimit: this.settings.requestsBurst,
      },
      accessLogSettings: { destinationArn: accessLog.logGroupArn, format: JSON.stringify(ACCESS_LOG) },
    });
    return api;
  }

  private edge(manifest: Manifest): cloudfront.Distribution {
    const { settings, state } = this;
    const web = this.webBucket();
    const api = new origins.HttpOrigin(Fn.select(2, Fn.split('/', this.api.apiEndpoint)), {
      protocolPolicy: cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
      originSslProtocols: [cloudfront.OriginSslPolicy.TLS_V1_2],
    });
    const dynamic = this.toApi(api);
    const behaviours = Object.fromEntries(pagePaths(manifest).map((path) => [path, dynamic]));
    const files = this.filesBehaviour();
    const distribution = new cloudfront.Distribution(this, 'Edge', {
      comment: `${settings.prefix}shop`,
      defaultBehavior: settings.webApp ? this.webBehaviour(web) : dynamic,
      additionalBehaviors: { ...behaviours, '/files/*': files },
      ...(settings.webApp ? { defaultRootObject: 'index.html' } : {}),
      httpVersion: cloudfront.HttpVersion.HTTP2_AND_3,
      priceClass: cloudfront.PriceClass.PRICE_CLASS_100,
      enableLogging: true,
      logBucket: state.logs,
      logFilePrefix: 'edge/',
      ...(settings.webAclArn === undefined ? {} : { webAclId: settings.webAclArn }),
      ...(settings.domainName === undefined || settings.certificateArn === undefined
        ? {}
        : {
            domainNames: [settings.domainName],
            minimumProtocolVersion: cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            certificate: certificates.Certificate.fromCertificateArn(this, 'Certificate', settings.certificateArn),
          }),
    });
    acknowledge(
      distribution,
      'Annotation::@aws-cdk/aws-cloudfront-origins:updateImportedBucketPolicyOac',
      'the stack of the state lets this account\'s distributions read the files',
    );
    acknowledge(distribution, 'AwsSolutions-CFR1', 'a shop does not turn countries away; whom it ships to, the order decides');
    if (settings.webAclArn === undefined) {
      acknowledge(distribution, 'AwsSolutions-CFR2', 'the firewall costs 5 US dollars a month and up: webAclArn switches it on');
    }
    if (settings.domainName === undefined) {
      acknowledge(distribution, 'AwsSolutions-CFR4', "CloudFront's own domain fixes the lowest TLS version; a domain of one's own has 1.2");
    }
    new CfnOutput(this, 'WebBucket', { value: web.bucketName });
    new CfnOutput(this, 'DistributionId', { value: distribution.distributionId });
    new CfnOutput(this, 'DistributionDomain', { value: distribution.distributionDomainName });
    return distribution;
  }

  /** Holds nothing that a build of the web app could not bring back. */
  private webBucket(): s3.Bucket {
    return new s3.Bucket(this, 'Web', {
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      versioned: true,
      lifecycleRules: [{ noncurrentVersionExpiration: Duration.days(30) }],
      serverAccessLogsBucket: this.state.logs,
      serverAccessLogsPrefix: 'web/',
      removalPolicy: this.settings.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }

  private headers(id: string, policy: cloudfront.ResponseHeadersPolicyProps): cloudfront.ResponseHeadersPolicy {
    return new cloudfront.ResponseHeadersPolicy(this, id, { responseHeadersPolicyName: `${this.settings.prefix}${id.toLowerCase()}`, ...policy });
  }

  /** Answers of the shop are never kept, and bring their own content policy. */
  private toApi(origin: cloudfront.IOrigin): cloudfront.BehaviorOptions {
    return {
      origin,
      allowedMethods: cloudfront.AllowedMethods.ALLOW_ALL,
      cachePolicy: cloudfront.CachePolicy.CACHING_DISABLED,
      originRequestPolicy: cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
      viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
      responseHeadersPolicy: this.headers('ApiHeaders', { securityHeadersBehavior: securityHeaders() }),
    };
  }

  private webBehaviour(bucket: s3.IBucket): cloudfront.BehaviorOptions {
    const route = new cloudfront.Function(this, 'WebRoutes', {
      comment: 'Pages of the web app that are no files are all index.html',
      runtime: cloudfront.FunctionRuntime.JS_2_0,
      code: cloudfront.FunctionCode.fromInline(
        "function handler(event) { if (!/\\.[a-z0-9]+$/.test(event.request.uri)) event.request.uri = '/index.html'; return event.request; }",
      ),
    });
    return {
      origin: origins.S3BucketOrigin.withOriginAccessControl(bucket),
      viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
      compress: true,
      functionAssociations: [{ function: route, eventType: cloudfront.FunctionEventType.VIEWER_REQUEST }],
      responseHeadersPolicy: this.headers('WebHeaders', {
        securityHeadersBehavior: {
          ...securityHeaders(),
          contentSecurityPolicy: { contentSecurityPolicy: CONTENT_POLICY, override: true },
        },
      }),
    };
  }

  /** Pictures come straight from their bucket, where they lie without `/files`. Their names stand for their content. */
  private filesBehaviour(): cloudfront.BehaviorOptions {
    const strip = new cloudfront.Function(this, 'FilePaths', {
      comment: 'Files lie at the root of their bucket',
      runtime: cloudfront.FunctionRuntime.JS_2_0,
      code: cloudfront.FunctionCode.fromInline(
        "function handler(event) { event.request.uri = event.request.uri.slice('/files'.length); return event.request; }",
      ),
    });
    // Imported by its name: the bucket's policy would else need the distribution, which needs the bucket.
    const bucket = s3.Bucket.fromBucketAttributes(this, 'FilesByName', {
      bucketArn: this.state.files.bucketArn,
      bucketRegionalDomainName: this.state.files.bucketRegionalDomainName,
    });
    return {
      origin: origins.S3BucketOrigin.withOriginAccessControl(bucket),
      viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
      functionAssociations: [{ function: strip, eventType: cloudfront.FunctionEventType.VIEWER_REQUEST }],
      responseHeadersPolicy: this.headers('FileHeaders', {
        securityHeadersBehavior: securityHeaders(),
        customHeadersBehavior: {
          customHeaders: [{ header: 'cache-control', value: 'public, max-age=31536000, immutable', override: true }],
        },
      }),
    };
  }
}

function securityHeaders(): cloudfront.ResponseSecurityHeadersBehavior {
  return {
    contentTypeOptions: { override: true },
    frameOptions: { frameOption: cloudfront.HeadersFrameOption.DENY, override: true },
    referrerPolicy: { referrerPolicy: cloudfront.HeadersReferrerPolicy.STRICT_ORIGIN_WHEN_CROSS_ORIGIN, override: true },
    strictTransportSecurity: { accessControlMaxAge: Duration.days(365), includeSubdomains: true, override: true },
  };
}

/** CloudFront paths of the API and of the pages that the services answer themselves; files have a way of their own. */
export function pagePaths(manifest: Manifest): string[] {
  const paths = manifest.services.flatMap((service) => service.routes.map((route) => route.path));
  const patterns = paths.map((path) => {
    const [, first = '', ...rest] = path.split('/');
    return rest.length > 0 ? `/${first}/*` : `/${first}`;
  });
  return [...new Set(patterns)].filter((pattern) => pattern !== '/' && pattern !== '/files/*').sort();
}

/** Logs can be kept only for certain numbers of days: the next longer one. */
export function retention(days: number): logs.RetentionDays {
  const choices = Object.values(logs.RetentionDays).filter((value): value is number => typeof value === 'number');
  const fitting = choices.filter((choice) => choice >= days && choice < 9999).sort((a, b) => a - b);
  return fitting[0] ?? logs.RetentionDays.TEN_YEARS;
}

/** The issuer of the pool's tokens. */
export function issuerOf(poolId: string): string {
  return `https://cognito-idp.${Aws.REGION}.${Aws.URL_SUFFIX}/${poolId}`;
}
