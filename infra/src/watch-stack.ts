// Who watches: alarms to a topic, one dashboard, a budget.

import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import * as budgets from 'aws-cdk-lib/aws-budgets';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { dashboardOf } from './dashboard';
import type { FrontStack } from './front-stack';
import { type Manifest, pascal } from './manifest';
import type { Settings } from './settings';
import type { ShopStack } from './shop-stack';
import type { StateStack } from './state-stack';

const MINUTE = Duration.minutes(1);
const FIVE_MINUTES = Duration.minutes(5);
/** Messages older than this mean that a consumer does not keep up, or fails and fails. */
const BACKLOG_AGE_MAX_SECS = 300;
/** Records of a stream older than this mean that events are late. */
const RELAY_LAG_MAX_MS = 60_000;
const API_P99_MAX_MS = 3_000;
const API_ERRORS_MAX = 5;

export interface WatchProps extends StackProps {
  readonly settings: Settings;
  readonly manifest: Manifest;
  readonly state: StateStack;
  readonly front: FrontStack;
  readonly shop: ShopStack;
}

export class WatchStack extends Stack {
  readonly topic: sns.Topic;
  private readonly settings: Settings;
  private readonly alarms: cloudwatch.Alarm[] = [];

  constructor(scope: Construct, id: string, props: WatchProps) {
    super(scope, id, props);
    this.settings = props.settings;
    this.topic = new sns.Topic(this, 'Alarms', { topicName: `${this.settings.prefix}alarms`, enforceSSL: true });
    if (this.settings.alarmEmail !== undefined) {
      this.topic.addSubscription(new subscriptions.EmailSubscription(this.settings.alarmEmail));
    }
    this.watchApi(props.front.api.apiId);
    this.watchFunctions(props.shop);
    this.watchQueues(props.shop);
    this.watchRelays(props);
    dashboardOf(this, { ...props, alarms: this.alarms });
    this.budget();
    new CfnOutput(this, 'AlarmTopic', { value: this.topic.topicArn });
  }

  private alarm(id: string, description: string, metric: cloudwatch.IMetric, over: number, periods = 1): void {
    const alarm = new cloudwatch.Alarm(this, id, {
      alarmName: `${this.settings.prefix}${id.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase()}`,
      alarmDescription: description,
      metric,
      threshold: over,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: periods,
      // No traffic is no failure.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
    this.alarms.push(alarm);
  }

  private watchApi(apiId: string): void {
    const metric = (metricName: string, statistic: string) =>
      new cloudwatch.Metric({ namespace: 'AWS/ApiGateway', metricName, statistic, period: FIVE_MINUTES, dimensionsMap: { ApiId: apiId } });
    this.alarm('ApiErrors', 'the API answers with 5xx', metric('5xx', 'Sum'), API_ERRORS_MAX);
    this.alarm('ApiSlow', `one request in a hundred takes longer than ${API_P99_MAX_MS} ms`, metric('Latency', 'p99'), API_P99_MAX_MS, 3);
  }

  /** Each alarm costs, so by default two watch over all functions of the account and region together. */
  private watchFunctions(shop: ShopStack): void {
    const metric = (metricName: string, functionName?: string) =>
      new cloudwatch.Metric({
        namespace: 'AWS/Lambda',
        metricName,
        statistic: 'Sum',
        period: FIVE_MINUTES,
        ...(functionName === undefined ? {} : { dimensionsMap: { FunctionName: functionName } }),
      });
    if (!this.settings.alarmsEach) {
      this.alarm('FunctionFailures', 'functions of this account and region fail', metric('Errors'), 0, 2);
      this.alarm('FunctionThrottles', 'functions of this account and region are throttled', metric('Throttles'), 0);
      return;
    }
    for (const name of shop.functions.keys()) {
      const id = pascal(name.slice(this.settings.prefix.length));
      this.alarm(`${id}Failures`, `${name} fails`, metric('Errors', name), 0, 2);
      this.alarm(`${id}Throttles`, `${name} is throttled`, metric('Throttles', name), 0);
    }
  }

  private queueMetric(queueName: string, metricName: string): cloudwatch.Metric {
    const dimensionsMap = { QueueName: queueName };
    return new cloudwatch.Metric({ namespace: 'AWS/SQS', metricName, statistic: 'Maximum', period: MINUTE, dimensionsMap });
  }

  private watchQueues(shop: ShopStack): void {
    const visible = 'ApproximateNumberOfMessagesVisible';
    for (const { consumer, name } of shop.consumers) {
      const id = pascal(consumer.name);
      this.alarm(`${id}DeadLetters`, `${consumer.name} has given up on events: see ${name}-dead`, this.queueMetric(`${name}-dead`, visible), 0);
      const age = this.queueMetric(name, 'ApproximateAgeOfOldestMessage');
      this.alarm(`${id}Backlog`, `events wait for ${consumer.name} for more than ${BACKLOG_AGE_MAX_SECS} s`, age, BACKLOG_AGE_MAX_SECS, 3);
    }
    const { prefix } = this.settings;
    this.alarm('RelayDead', 'a relay has set records aside: their events are not on the bus', this.queueMetric(`${prefix}relay-dead`, visible), 0);
    this.alarm('TickDead', 'a schedule did not reach its function', this.queueMetric(`${prefix}tick-dead`, visible), 0);
  }

  private watchRelays({ manifest, settings }: WatchProps): void {
    for (const service of manifest.services.filter(({ emits }) => emits.length > 0)) {
      const age = new cloudwatch.Metric({
        namespace: 'AWS/Lambda',
        metricName: 'IteratorAge',
        statistic: 'Maximum',
        period: MINUTE,
        dimensionsMap: { FunctionName: `${settings.prefix}${service.name}-relay` },
      });
      this.alarm(`${pascal(service.name)}Lag`, `events of ${service.name} reach the bus late`, age, RELAY_LAG_MAX_MS, 5);
    }
  }

  private budget(): void {
    const { monthlyBudget, alarmEmail, prefix } = this.settings;
    if (monthlyBudget === 0 || alarmEmail === undefined) return;
    const tell = (notificationType: 'ACTUAL' | 'FORECASTED', threshold: number) => ({
      notification: { notificationType, comparisonOperator: 'GREATER_THAN', threshold, thresholdType: 'PERCENTAGE' },
      subscribers: [{ subscriptionType: 'EMAIL', address: alarmEmail }],
    });
    new budgets.CfnBudget(this, 'Budget', {
      budget: {
        budgetName: `${prefix}month`,
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: monthlyBudget, unit: 'USD' },
      },
      notificationsWithSubscribers: [tell('ACTUAL', 80), tell('FORECASTED', 100)],
    });
  }
}
