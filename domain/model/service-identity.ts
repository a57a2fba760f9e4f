/** The `iss` and the `aud` of the tokens that the service issues. */
export interface ServiceIdentity {
  issuer: string
  audience: string
}

export interface ServiceIdentityRepository {
  /** Returns what the service that started last uses; undefined before the first start. */
  find(): Promise<ServiceIdentity | undefined>
  save(identity: ServiceIdentity): Promise<void>
}
