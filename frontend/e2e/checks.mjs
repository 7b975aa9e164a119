// A very small test runner: named steps one after the other, a line for each, and one line with the sum.
import { join } from 'node:path';

export class Checks {
  #passed = 0;
  #failed = 0;
  #skipped = 0;

  constructor(screenshots) {
    this.screenshots = screenshots;
  }

  /**
   * Runs a chain of steps on one page. After a step that fails the rest of the chain is skipped, because each builds on
   * the one before.
   */
  async chain(name, page, steps) {
    let broken = false;
    for (const [title, step] of Object.entries(steps)) {
      if (broken) {
        this.#skipped++;
        console.log(`skip  ${name}: ${title}`);
        continue;
      }
      const start = Date.now();
      try {
        await step();
        this.#passed++;
        console.log(`ok    ${name}: ${title} (${Date.now() - start} ms)`);
      } catch (error) {
        broken = true;
        this.#failed++;
        console.log(`FAIL  ${name}: ${title}\n      ${String(error.message ?? error).split('\n').slice(0, 12).join('\n      ')}`);
        await this.shot(page, `${name}-failed`).catch(() => undefined);
      }
    }
  }

  /** Keeps a picture of the window, or of all of the page, when pictures were asked for. */
  async shot(page, name, full = false) {
    if (this.screenshots) await page.screenshot({ path: join(this.screenshots, `${name.replaceAll(/[^a-z0-9-]+/gi, '-')}.png`), fullPage: full });
  }

  /** Prints the sum and returns the exit code. */
  finish() {
    const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : '';
    console.log(`${this.#passed} passed, ${this.#failed} failed${skipped}`);
    return this.#failed === 0 && this.#passed > 0 ? 0 : 1;
  }
}
