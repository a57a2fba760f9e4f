/** Time that stands still until a test moves it. */
export interface TestClock {
  (): number
  advance(milliseconds: number): void
}

export function createClock(start = Date.now()): TestClock {
  let now = start
  return Object.assign(() => now, {
    advance(milliseconds: number) {
      now += milliseconds
    }
  })
}
