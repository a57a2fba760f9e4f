import t from 'tap'
import { postgres } from '../harness/engines.ts'
import { assertNeverAccepted } from '../harness/revoked-in-time.ts'
import { TokenWatch, until } from '../harness/token-watch.ts'
import { signOut, watchCluster } from '../harness/watched-cluster.ts'

t.test(
  'an instance that was killed refuses from its first answer on',
  { skip: postgres.missing },
  async (t) => {
    const watched = await watchCluster(t)
    const { cluster } = watched
    for (const round of [1, 2, 3]) {
      const carol = await cluster.signUp(1)
      await cluster.kill(1)
      await signOut(cluster, 0, carol)
      const shown = new TokenWatch(cluster.routes()[1] as string, carol.cookie)
      await cluster.revive(1)
      await until(() => shown.last === 401, 'it answers again')
      await shown.stop()
      t.strictSame(shown.seen, [0, 401], `round ${round}`)
    }
    await watched.recovered()
    await assertNeverAccepted(t, watched)
    t.strictSame(
      watched.living.map(({ seen }) => seen),
      [[200], [0, 200], [200], [200]]
    )
  }
)
