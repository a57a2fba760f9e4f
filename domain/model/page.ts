export interface Page {
  limit: number
  /** The id of the last item of the page before. */
  after?: string | undefined
}
