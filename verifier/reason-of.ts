/** What went wrong, in one line: fetch keeps the reason one error deeper. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message} (${cause.message})` : message
}
