// Who watches: alarms to a topic, one dashboard, a budget.

import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import * as budgets from 'aws-cdk-lib/aws-budgets';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { dashboardOf, NAMESPACE } from './dashboard';
import type { FrontStack } from './front-stack';
import { type Manifest, pascal } from './manifest';
import type { Settings } from './settings';
import type { ShopStack } from './shop-stack';
import type { StateStack } from './state-stack';

const MINUTE = Duration.minutes(1);
const FIVE_MINUTES = Duration.minutes(5);
/** Events that wait longer mean that a consumer does not keep up, or fails and fails. The functions have the same limit. */
const WAITING_MAX_SECS = 300;
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
    this.watchConsumers(props.shop);
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

  /** Without a name it is the metric of all functions of the account and region together, which Lambda has as well. */
  private functionMetric(metricName: string, statistic: string, functionName?: string, period = FIVE_MINUTES): cloudwatch.Metric {
    const dimensions = functionName === undefined ? {} : { dimensionsMap: { FunctionName: functionName } };
    return new cloudwatch.Metric({ namespace: 'AWS/Lambda', metricName, statistic, period, ...dimensions });
  }

  /** Each alarm costs after the first ten, so by default there is one of a kind for everything. */
  private watchFunctions(shop: ShopStack): void {
    if (!this.settings.alarmsEach) {
      this.alarm('FunctionFailures', 'functions of this account and region fail', this.functionMetric('Errors', 'Sum'), 0, 2);
      this.alarm('FunctionThrottles', 'functions of this account and region are throttled', this.functionMetric('Throttles', 'Sum'), 0);
      return;
    }
    for (const name of shop.functions.keys()) {
      const id = pascal(name.slice(this.settings.prefix.length));
      this.alarm(`${id}Failures`, `${name} fails`, this.functionMetric('Errors', 'Sum', name), 0, 2);
      this.alarm(`${id}Throttles`, `${name} is throttled`, this.functionMetric('Throttles', 'Sum', name), 0);
    }
  }

  private queueMetric(queueName: string, metricName: string): cloudwatch.Metric {
    const dimensionsMap = { QueueName: queueName };
    return new cloudwatch.Metric({ namespace: 'AWS/SQS', metricName, statistic: 'Maximum', period: MINUTE, dimensionsMap });
  }

  private watchConsumers(shop: ShopStack): void {
    const visible = 'ApproximateNumberOfMessagesVisible';
    const { prefix, alarmsEach } = this.settings;
    if (!alarmsEach) this.watchAllConsumers();
    for (const end of alarmsEach ? shop.consumers : []) {
      const { consumer, name } = end;
      const id = pascal(consumer.name);
      this.alarm(`${id}DeadLetters`, `${consumer.name} has given up on events: see ${name}-dead`, this.queueMetric(`${name}-dead`, visible), 0);
      const text = `events wait for ${consumer.name} for more than ${WAITING_MAX_SECS} s`;
      if (end.queue !== undefined) {
        this.alarm(`${id}Backlog`, text, this.queueMetric(name, 'ApproximateAgeOfOldestMessage'), WAITING_MAX_SECS, 3);
      } else {
        this.alarm(`${id}Backlog`, text, this.functionMetric('AsyncEventAge', 'Maximum', `${name}-events`), WAITING_MAX_SECS * 1000);
      }
    }
    this.alarm('RelayDead', 'a relay has set records aside: their events are not on the bus', this.queueMetric(`${prefix}relay-dead`, visible), 0);
    this.alarm('TickDead', 'a schedule did not reach its function', this.queueMetric(`${prefix}tick-dead`, visible), 0);
  }

  /**
   * Lambda itself counts what it gives up, over all functions as well; a queue has only metrics of its own, so
   * there the functions tell it when it happens (`homes/aws/src/events.rs`), which costs next to nothing.
   */
  private watchAllConsumers(): void {
    const direct = this.settings.delivery === 'direct';
    const told = (metricName: string) => new cloudwatch.Metric({ namespace: NAMESPACE, metricName, statistic: 'Sum', period: FIVE_MINUTES });
    const dead = direct ? this.functionMetric('AsyncEventsDropped', 'Sum') : told('given_up');
    this.alarm('DeadLetters', 'events were given up, or a call of a schedule: GET /api/v1/admin/queues says for which consumers', dead, 0);
    const late = `events wait for their consumers for more than ${WAITING_MAX_SECS} s`;
    if (direct) this.alarm('LateEvents', late, this.functionMetric('AsyncEventAge', 'Maximum'), WAITING_MAX_SECS * 1000);
    else this.alarm('LateEvents', late, told('late'), 0);
  }

  private watchRelays({ manifest, settings }: WatchProps): void {
    const age = (functionName?: string) => this.functionMetric('IteratorAge', 'Maximum', functionName, MINUTE);
    if (!settings.alarmsEach) {
      this.alarm('RelayLag', 'events reach the bus late', age(), RELAY_LAG_MAX_MS, 5);
      return;
    }
    for (const service of manifest.services.filter(({ emits }) => emits.length > 0)) {
      const metric = age(`${settings.prefix}${service.name}-relay`);
      this.alarm(`${pascal(service.name)}Lag`, `events of ${service.name} reach the bus late`, metric, RELAY_LAG_MAX_MS, 5);
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
