import { closeSync, constants, fchownSync, openSync, statSync } from 'node:fs'

/**
 * Has a file that root has just made belong to whom `like` belongs to: the service goes on owning what is its own after root
 * restored it. No link is followed: whoever owns the folder gets no other file by it.
 */
export function leaveToOwner(path: string, like: string): void {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = statSync(like)
  const handle = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    fchownSync(handle, uid, gid)
  } finally {
    closeSync(handle)
  }
}
