import os from 'node:os'

// Plain JavaScript that any Node can read: an older one can run neither TypeScript nor our native modules.
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 19)) {
  console.error(
    `Gatehouse needs Node.js 22.19 or newer; this is ${process.versions.node}. See "Node.js" in docs/operations.md.`
  )
  process.exit(78)
}

// Password hashes take one thread for each processor. Files and names of hosts must not wait behind them.
process.env.UV_THREADPOOL_SIZE ??= String(os.availableParallelism() + 4)
