import { Type } from 'typebox'
import { View } from './common.ts'
import { ProblemView } from './problem.ts'

export const Alive = View('Alive', { alive: Type.Literal(true) })

export const Ready = View('Ready', { ready: Type.Literal(true) })

export const NotReady = View('NotReady', {
  ...ProblemView.properties,
  reasons: Type.Array(
    Type.String({
      description:
        'What is missing: `database`, `revocations`, `signing-keys`; `draining`: it is about to stop'
    })
  )
})
