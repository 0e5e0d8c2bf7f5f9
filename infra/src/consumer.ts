// A consumer in the cloud: a rule that picks its events, what takes them (its queue, or its function called by
// the bus), and the queue of its dead letters. Letters are the bus's own events in every case, so that one that
// was given up one way can be delivered again the other way.

import { Duration, type Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge } from './findings';
import { queueName, REDRIVE_SOURCE } from './grants';
import { type Consumer, pascal, type Service } from './manifest';
import type { Settings } from './settings';
import { VISIBILITY_SECS } from './sizes';

/** The longest that SQS keeps a message: time to mend what broke. */
const KEPT = Duration.days(14);
/** How long the bus tries to hand an event over. */
const HANDED_OVER_WITHIN = Duration.hours(24);
/** Every service's events have a source that begins so. */
const SOURCES = 'souk.';

export class ConsumerEnd extends Construct {
  readonly dead: sqs.Queue;
  /** Absent where the bus calls the consumer's function itself. */
  readonly queue?: sqs.Queue;
  /** Of its queue, if it has one; the dead letters are in `<name>-dead`. */
  readonly name: string;

  constructor(
    stack: Stack,
    readonly consumer: Consumer,
    private readonly service: Service,
    settings: Settings,
    private readonly bus: events.IEventBus,
  ) {
    super(stack, `${pascal(consumer.name)}Consumer`);
    this.name = queueName(settings, consumer.name);
    this.dead = deadQueue(this, 'Dead', `${this.name}-dead`);
    if (settings.delivery === 'direct') return;
    this.queue = new sqs.Queue(this, 'Queue', {
      queueName: this.name,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: KEPT,
      visibilityTimeout: Duration.seconds(VISIBILITY_SECS),
      receiveMessageWaitTime: Duration.seconds(20),
      deadLetterQueue: { queue: this.dead, maxReceiveCount: consumer.tries },
    });
    const rule = this.rule({ 'detail-type': consumer.types }, 'queue', this.queue.queueArn);
    for (const queue of [this.queue, this.dead]) mayBeFilledBy(queue, rule);
  }

  /** Lets the bus call the function with the consumer's events, and with its letters that are to be delivered again. */
  call(made: lambda.Function): void {
    const own = { source: [{ prefix: SOURCES }], 'detail-type': this.consumer.types };
    const again = { source: [REDRIVE_SOURCE], 'detail-type': [this.consumer.name] };
    const rule = this.rule({ $or: [own, again] }, 'function', made.functionArn);
    mayBeFilledBy(this.dead, rule);
    new lambda.CfnPermission(this, 'Call', {
      action: 'lambda:InvokeFunction',
      functionName: made.functionArn,
      principal: 'events.amazonaws.com',
      sourceArn: rule.attrArn,
    });
  }

  private rule(eventPattern: object, id: string, arn: string): events.CfnRule {
    return new events.CfnRule(this, 'Rule', {
      name: this.name,
      description: `Events for ${this.service.name}`,
      eventBusName: this.bus.eventBusName,
      eventPattern,
      targets: [
        {
          id,
          arn,
          retryPolicy: { maximumEventAgeInSeconds: HANDED_OVER_WITHIN.toSeconds(), maximumRetryAttempts: 185 },
          deadLetterConfig: { arn: this.dead.queueArn },
        },
      ],
    });
  }
}

function mayBeFilledBy(queue: sqs.Queue, rule: events.CfnRule): void {
  queue.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'FromTheBus',
      principals: [new iam.ServicePrincipal('events.amazonaws.com')],
      actions: ['sqs:SendMessage'],
      resources: [queue.queueArn],
      conditions: { ArnEquals: { 'aws:SourceArn': rule.attrArn } },
    }),
  );
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
