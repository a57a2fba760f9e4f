const RIGHTS = '~gatehouse:* &gatehouse:* +select +eval +get +incr +decr +pttl +pexpire +publish +subscribe'
const PRIMARY = 'Let REDIS_URL lead to the primary: a replica counts nothing.'

/** What the operator does about each error: the first pattern that its text fits. */
const ADVICE: Array<[RegExp, string]> = [
  [
    /NOAUTH|WRONGPASS|invalid password|without any password/i,
    'Put the right user and password into REDIS_URL: redis://user:password@host.'
  ],
  [/DB index is out of range/, 'Name a database in REDIS_URL that the server has, or raise its `databases`.'],
  [
    /cluster mode|^(MOVED|CROSSSLOT|CLUSTERDOWN)/,
    'Let REDIS_URL lead to a server that is not part of a cluster.'
  ],
  [/^NOPERM|user executing the script/, `Give the user its rights: ACL SETUSER NAME ${RIGHTS}`],
  [/^(READONLY|MASTERDOWN)/, PRIMARY],
  [/^LOADING/, 'Wait until the server has loaded its data.'],
  [/^OOM/, 'Raise maxmemory, or set maxmemory-policy to volatile-ttl.'],
  [/^(MISCONF|NOREPLICAS)/, 'Correct the server, as the reason says.'],
  [/certificate/, 'If your own authority issued the certificate, set NODE_EXTRA_CA_CERTS to its file.'],
  [
    /No such master/,
    'The Sentinels do not know the name of the primary that REDIS_URL ends with: correct it.'
  ]
]

export interface Explained {
  reason: string
  /** A sentence. */
  advice?: string
}

/** Says why Valkey failed, and what to do. The error must not be logged: it contains the command, such as AUTH with its password. */
export function explain(error: Error & { code?: string }): Explained {
  const reason = error.message || (error.code ?? error.name)
  const advice = ADVICE.find(([pattern]) => pattern.test(reason))?.[1]
  return { reason, ...(advice && { advice }) }
}
