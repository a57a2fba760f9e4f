import { Type } from 'typebox'
import { ProblemView } from './problem.ts'

export const Alive = Type.Object({ alive: Type.Literal(true) })

export const Ready = Type.Object({ ready: Type.Literal(true) })

export const NotReady = Type.Object({
  ...ProblemView.properties,
  reasons: Type.Array(
    Type.String({
      description:
        'What is missing: `database`, `revocations`, `signing-keys`; `draining`: it is about to stop'
    })
  )
})
