import { chownSync, statSync } from 'node:fs'

/** Has what root made belong to whom `like` belongs to: the service goes on owning its files, whoever ran a command. */
export function leaveToOwner(path: string, like: string): void {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = statSync(like)
  chownSync(path, uid, gid)
}
