import { join } from 'node:path';
import { findViolations, floors } from './boundaries.ts';

const violations = findViolations(join(import.meta.dirname, '..'));
for (const { where, message } of violations) {
  console.error(`${where}: ${message}`);
}
if (violations.length > 0) {
  console.error(`\n${violations.length} crossings of the floors between packages`);
  process.exitCode = 1;
} else {
  console.log(`The floors hold between ${Object.keys(floors).length} packages.`);
}
