// One dashboard for the whole shop. Searches find the functions, tables and queues by their names, so that
// a new service is on it without a change, and the dashboard stays within the free number of metrics.

import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { FrontStack } from './front-stack';
import type { Settings } from './settings';

const WIDTH = 12;
const PERIOD_SECS = 300;
/** Where the functions' embedded metrics go. */
export const NAMESPACE = 'Souk';

export interface DashboardProps {
  readonly settings: Settings;
  readonly front: FrontStack;
  readonly alarms: readonly cloudwatch.IAlarm[];
}

export function dashboardOf(scope: Construct, { settings, front, alarms }: DashboardProps): void {
  const { prefix } = settings;
  const waiting = () =>
    settings.delivery === 'queues'
      ? graph('Oldest event in a queue, s', [sqs('ApproximateAgeOfOldestMessage', `${prefix} NOT dead`)])
      : graph('Oldest event for a function, ms', [lambda('AsyncEventAge', 'Maximum')]);
  const lambda = (metric: string, statistic: string) => search(`{AWS/Lambda,FunctionName} MetricName="${metric}" ${prefix}`, statistic);
  const sqs = (metric: string, names: string) => search(`{AWS/SQS,QueueName} MetricName="${metric}" ${names}`, 'Maximum');
  const dynamo = (metric: string) => search(`{AWS/DynamoDB,TableName} MetricName="${metric}" ${prefix}`, 'Sum');
  const api = (metricName: string, statistic: string) =>
    new cloudwatch.Metric({ namespace: 'AWS/ApiGateway', metricName, statistic, period: Duration.minutes(5), dimensionsMap: { ApiId: front.api.apiId } });
  new cloudwatch.Dashboard(scope, 'Dashboard', {
    dashboardName: `${prefix}shop`,
    defaultInterval: Duration.hours(3),
    widgets: [
      [new cloudwatch.AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 2 * WIDTH, height: 4 })],
      [
        graph('Requests', [api('Count', 'Sum'), api('4xx', 'Sum'), api('5xx', 'Sum')]),
        graph('Latency, ms', [api('Latency', 'p50'), api('Latency', 'p99'), api('IntegrationLatency', 'p99')]),
      ],
      [graph('Invocations', [lambda('Invocations', 'Sum')]), graph('Failures and throttles', [lambda('Errors', 'Sum'), lambda('Throttles', 'Sum')])],
      [graph('Time of functions, p99, ms', [lambda('Duration', 'p99')]), graph('Events late for the bus, ms', [lambda('IteratorAge', 'Maximum')])],
      [
        graph('Capacity read', [dynamo('ConsumedReadCapacityUnits')]),
        graph('Capacity written', [dynamo('ConsumedWriteCapacityUnits')]),
      ],
      [
        waiting(),
        graph('Dead letters', [sqs('ApproximateNumberOfMessagesVisible', `${prefix} dead`)]),
      ],
      ...(settings.metrics ? [[graph('The business', [search(`Namespace="${NAMESPACE}"`, 'Sum')], 2 * WIDTH)]] : []),
    ],
  });
}

function graph(title: string, left: cloudwatch.IMetric[], width = WIDTH): cloudwatch.GraphWidget {
  return new cloudwatch.GraphWidget({ title, left, width, height: 6 });
}

function search(what: string, statistic: string): cloudwatch.IMetric {
  return new cloudwatch.MathExpression({
    expression: `SEARCH('${what}', '${statistic}', ${PERIOD_SECS})`,
    label: '',
    usingMetrics: {},
    period: Duration.seconds(PERIOD_SECS),
  });
}
