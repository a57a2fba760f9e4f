/** A clock that stands still until a test advances it. Calling it returns milliseconds. */
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
