// The container's health check: /readyz says 200, or the reasons go to the health log. Plain JavaScript starts soonest.
const url = `http://127.0.0.1:${process.env.PORT ?? 3000}/readyz`

try {
  const response = await fetch(url, { signal: AbortSignal.timeout(2500) })
  if (response.status !== 200) fail(`${response.status}: ${await response.text()}`)
} catch (error) {
  fail(`${url} does not answer: ${error.cause?.code ?? error.message}`)
}

function fail(reason) {
  process.stderr.write(`${reason}\n`)
  process.exitCode = 1
}
