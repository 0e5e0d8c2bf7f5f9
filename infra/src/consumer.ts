// A consumer in the cloud: a rule that picks its events, its queue, and the queue of its dead letters.

import { Duration, type Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge } from './findings';
import { queueName } from './grants';
import { type Consumer, pascal, type Service } from './manifest';
import type { Settings } from './settings';
import { VISIBILITY_SECS } from './sizes';

/** The longest that SQS keeps a message: time to mend what broke. */
const KEPT = Duration.days(14);

export class ConsumerQueue extends Construct {
  readonly queue: sqs.Queue;
  readonly dead: sqs.Queue;
  readonly rule: events.CfnRule;
  /** Of its queue; the dead letters are in `<name>-dead`. */
  readonly name: string;

  constructor(
    stack: Stack,
    readonly consumer: Consumer,
    service: Service,
    settings: Settings,
    bus: events.IEventBus,
  ) {
    super(stack, `${pascal(consumer.name)}Consumer`);
    const name = queueName(settings, consumer.name);
    this.name = name;
    this.dead = deadQueue(this, 'Dead', `${name}-dead`);
    this.queue = new sqs.Queue(this, 'Queue', {
      queueName: name,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: KEPT,
      visibilityTimeout: Duration.seconds(VISIBILITY_SECS),
      receiveMessageWaitTime: Duration.seconds(20),
      deadLetterQueue: { queue: this.dead, maxReceiveCount: consumer.tries },
    });
    this.rule = new events.CfnRule(this, 'Rule', {
      name,
      description: `Events for ${service.name}`,
      eventBusName: bus.eventBusName,
      eventPattern: { 'detail-type': consumer.types },
      targets: [
        {
          id: 'queue',
          arn: this.queue.queueArn,
          retryPolicy: { maximumEventAgeInSeconds: Duration.hours(24).toSeconds(), maximumRetryAttempts: 185 },
          // Of the same form as what the queue gives up, so that it is redriven the same way.
          deadLetterConfig: { arn: this.dead.queueArn },
        },
      ],
    });
    for (const queue of [this.queue, this.dead]) {
      queue.addToResourcePolicy(
        new iam.PolicyStatement({
          sid: 'FromTheBus',
          principals: [new iam.ServicePrincipal('events.amazonaws.com')],
          actions: ['sqs:SendMessage'],
          resources: [queue.queueArn],
          conditions: { ArnEquals: { 'aws:SourceArn': this.rule.attrArn } },
        }),
      );
    }
  }
}

/** A queue that only people and their tools read. */
export function deadQueue(scope: Construct, id: string, name: string): sqs.Queue {
  const dead = new sqs.Queue(scope, id, {
    queueName: name,
    encryption: sqs.QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: KEPT,
  });
  acknowledge(dead, 'AwsSolutions-SQS3', 'this is a queue for dead letters');
  return dead;
}
