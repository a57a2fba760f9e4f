import { closeSync, constants, fchownSync, openSync, statSync } from 'node:fs'

/**
 * Gives a file that root created the owner of `like`, so that the service can still write it. Follows no symlink, by which the
 * owner of the folder could get another file.
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
