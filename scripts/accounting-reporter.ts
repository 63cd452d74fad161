import type { Reporter, TestModule } from 'vitest/node';

/**
 * Accounts for every test at the end of a run: names each one that was skipped with its reason, fails the run when a
 * skip has none (`context.skip('reason')` gives one), and closes with `N passed, N failed, N skipped`.
 */
export default class AccountingReporter implements Reporter {
  #filtered = false;

  onInit(vitest: Parameters<NonNullable<Reporter['onInit']>>[0]): void {
    // Tests that `-t NAME` leaves out were not asked for.
    this.#filtered = vitest.config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const lines: string[] = [];
    for (const module of modules) {
      // Files that do not load and hooks that throw: their tests never ran.
      for (const part of [module, ...module.children.allSuites()]) {
        count.failed += part.errors().length;
      }
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed' || result.state === 'failed') {
          count[result.state] += 1;
          continue;
        }
        const reason = result.state === 'skipped' ? result.note : 'it never ran';
        if (this.#filtered && reason === undefined) {
          continue;
        }
        count.skipped += 1;
        if (result.state !== 'skipped' || reason === undefined) {
          process.exitCode = 1;
        }
        lines.push(`skipped: ${module.relativeModuleId} > ${test.fullName}: ${reason ?? 'NO REASON GIVEN'}`);
      }
    }
    console.log(
      [...lines, '', `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`].join('\n'),
    );
    if (count.passed + count.failed === 0) {
      process.exitCode = 1;
    }
    // vitest waits for whatever still holds the output of its workers, for ever if need be.
    setTimeout(() => {
      console.error(
        'This run cannot end: a test has left a program running. Look at those that failed first.',
      );
      process.exit(1);
    }, 30_000).unref();
  }
}
