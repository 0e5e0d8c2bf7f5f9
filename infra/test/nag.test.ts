// cdk-nag finds nothing that is not acknowledged with a reason. `cdk synth` fails on a finding too.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { App, Stack } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { build, CONTEXTS } from './support';

for (const context of Object.keys(CONTEXTS)) {
  test(`${context}: no unexplained finding`, () => {
    const report = new AwsSolutionsChecks().validateScope(build(context).app);
    const found = report.violations.map((violation) => [violation.ruleName, JSON.stringify(violation)]);
    assert.deepEqual(found, []);
  });
}

test('there is something to find elsewhere', () => {
  const app = new App();
  new Bucket(new Stack(app, 'bare'), 'Bare');
  const { violations } = new AwsSolutionsChecks().validateScope(app);
  assert.deepEqual(violations.map(({ ruleName }) => ruleName).sort(), ['AwsSolutions-S1', 'AwsSolutions-S10']);
});
