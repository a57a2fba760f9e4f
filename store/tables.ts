import type { Generated } from 'kysely'
import type { AuditType } from '../domain/model/audit.ts'
import type { OneTimeToken } from '../domain/model/one-time-token.ts'
import type { Handover } from '../domain/model/session.ts'
import type { SigningKey } from '../domain/model/signing-key.ts'
import type { Revocation } from '../verifier/revocation-set.ts'

/** The tables as Kysely sees them. Times are integer milliseconds, flags 0 or 1, on both engines. */
export interface Tables {
  users: {
    id: string
    email: string
    name: string | null
    /** What a search compares. Null until `fillUserSearch` has filled it in an account of an earlier version. */
    folded_email: string | null
    folded_name: string | null
    password_hash: string | null
    version: number
    disabled: number
    email_verified: number
    created_at: number
    last_login_at: number | null
    device_epoch: number
  }
  roles: { name: string; description: string; scope: string; built_in: number }
  user_roles: { user_id: string; role_name: string }
  sessions: {
    id: string
    user_id: string
    seed: string
    generation: number
    handover: Handover
    remember: number
    created_at: number
    auth_time: number
    last_used_at: number
    idle_expires_at: number
    expires_at: number
    ended_at: number | null
    ended_reason: string | null
    ip: string
    user_agent: string
  }
  signing_keys: {
    kid: string
    algorithm: SigningKey['algorithm']
    public_pem: string
    sealed_private_key: string
    imported: number
    created_at: number
    activates_at: number
  }
  revocations: {
    position: Generated<number>
    kind: Revocation['kind']
    id: string
    min_version: number | null
    expires_at: number
  }
  clients: {
    id: string
    name: string
    scope: string
    audiences: string
    grants: string
    disabled: number
    version: number
    jwks: string
    created_at: number
  }
  client_secrets: {
    id: string
    client_id: string
    hash: string
    created_at: number
    expires_at: number | null
    last_used_at: number | null
  }
  used_assertions: { client_id: string; jti: string; expires_at: number }
  login_throttles: {
    key: string
    account: string | null
    tries: number
    blocked_until: number
    last_try_at: number
    forget_at: number
  }
  blocked_logins: {
    account: string
    user_id: string | null
    ip: string | null
    unreported: number
    reported: number
    report_at: number
  }
  one_time_tokens: {
    hash: string
    purpose: OneTimeToken['purpose']
    user_id: string | null
    expires_at: number
  }
  audit_events: {
    id: string
    at: number
    type: AuditType
    actor_id: string | null
    on_behalf_of: string | null
    user_id: string | null
    session_id: string | null
    ip: string | null
    user_agent: string | null
    request_id: string | null
    detail: string
  }
  jobs: { name: string; due_at: number }
  service_identity: { id: number; issuer: string; audience: string }
}

const EVERY_TABLE: Record<keyof Tables, true> = {
  users: true,
  roles: true,
  user_roles: true,
  sessions: true,
  signing_keys: true,
  revocations: true,
  clients: true,
  client_secrets: true,
  used_assertions: true,
  login_throttles: true,
  blocked_logins: true,
  one_time_tokens: true,
  audit_events: true,
  jobs: true,
  service_identity: true
}

/** The names of all tables. */
export const TABLE_NAMES = Object.keys(EVERY_TABLE)
