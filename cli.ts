import './check-node.js'
import { runProgram } from './commands/program.ts'
import { readEnvFile } from './settings.ts'

// A reader such as `head` closes the pipe when it has enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})
process.exitCode = await runProgram(process.argv.slice(2), process, readEnvFile)
