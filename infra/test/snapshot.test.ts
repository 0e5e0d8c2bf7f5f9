// The templates are what they were. After a change that is meant: npm run snapshot.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { build, INFRA } from './support';

for (const [stack, template] of build('default').templates) {
  test(`the template of ${stack}`, () => {
    const file = join(INFRA, 'test/snapshots', `${stack}.json`);
    const now = `${JSON.stringify(template, null, 1)}\n`.replace(/[0-9a-f]{64}\.zip/g, 'bootstrap.zip');
    if (process.env['UPDATE_SNAPSHOT'] !== undefined) writeFileSync(file, now);
    assert.ok(existsSync(file), `${file} is missing: npm run snapshot`);
    assert.equal(now, readFileSync(file, 'utf8'), 'if the change is meant: npm run snapshot');
  });
}
