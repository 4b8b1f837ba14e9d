import type { Reporter, TestModule } from 'vitest/node'

/** Ends a run with one plain line of counts, for whoever reads logs by machine. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>) {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    for (const module of modules) {
      const tests = [...module.children.allTests()]
      for (const test of tests) counts[test.result().state] += 1
      if (tests.length === 0 && module.state() === 'failed') counts.failed += 1
    }
    const skipped = counts.skipped + counts.pending
    console.log(
      `${counts.passed} passed, ${counts.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
    )
  }
}
