// The templates are what they were. After a change that is meant: npm run snapshot.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { build, INFRA } from './support';

/** The other way of delivery: of a template, the resources that are not in the default's. */
function differences(stack: string, template: any): any {
  const usual = build('default').templates.get(stack).Resources;
  const other = Object.entries(template.Resources).filter(([name, resource]) => JSON.stringify(resource) !== JSON.stringify(usual[name]));
  return { Resources: Object.fromEntries(other) };
}

const templates = [
  ...build('default').templates,
  ...['souk-shop', 'souk-watch'].map((stack): [string, any] => [`${stack}.queues`, differences(stack, build('queues').templates.get(stack))]),
];
for (const [name, template] of templates) {
  test(`the template of ${name}`, () => {
    const file = join(INFRA, 'test/snapshots', `${name}.json`);
    const now = `${JSON.stringify(template, null, 1)}\n`.replace(/[0-9a-f]{64}\.zip/g, 'bootstrap.zip');
    if (process.env['UPDATE_SNAPSHOT'] !== undefined) writeFileSync(file, now);
    assert.ok(existsSync(file), `${file} is missing: npm run snapshot`);
    assert.equal(now, readFileSync(file, 'utf8'), 'if the change is meant: npm run snapshot');
  });
}
