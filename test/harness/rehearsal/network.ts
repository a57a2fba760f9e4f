import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { answerTo } from './name-server.ts'
import { sh } from './shell.ts'

/** A network of the compose file: a bridge, its name server, and who is on it. */
interface Network {
  name: string
  internal: boolean
  bridge: string
  prefix: string
  server: Socket
}

interface Member {
  service: string
  /** Its address in each of its networks. */
  addresses: Map<string, string>
}

/** Networks like Docker's: who shares none can't reach each other, and a service's name means all its containers. */
export interface Networks {
  /** A network namespace for a container of this service, on these networks. */
  join(service: string, networks: string[]): Promise<Place>
  close(): Promise<void>
}

export interface Place {
  namespace: string
  addresses: Map<string, string>
  nameServer: string | undefined
  /** The name stops meaning this container; then its namespace is gone. */
  leave(): Promise<void>
}

/** `tag` makes names of bridges and namespaces unlike those of others on this machine. */
export async function createNetworks(
  tag: number,
  wanted: Array<{ name: string; internal: boolean }>
): Promise<Networks> {
  const members = new Set<Member>()
  const networks: Network[] = []
  for (const [index, { name, internal }] of wanted.entries())
    networks.push(
      await createNetwork(name, internal, `gh${tag}b${index}`, `10.${200 + (tag % 50)}.${index + 1}`, members)
    )
  let count = 0

  return {
    async join(service, names) {
      count += 1
      const namespace = `gh${tag}n${count}`
      const addresses = new Map<string, string>()
      const outside = [`netns add ${namespace}`]
      const inside = ['link set lo up']
      for (const [index, { name, internal, bridge, prefix }] of networks
        .filter(({ name }) => names.includes(name))
        .entries()) {
        const address = `${prefix}.${count + 1}`
        const [plug, socket] = [`gh${tag}v${count}-${index}`, `eth${index}`]
        addresses.set(name, address)
        outside.push(`link add ${plug} type veth peer name ${socket} netns ${namespace}`)
        outside.push(`link set ${plug} master ${bridge} up`)
        inside.push(`addr add ${address}/24 dev ${socket}`, `link set ${socket} up`)
        if (!internal) inside.push(`route add default via ${prefix}.1`)
      }
      await sh('ip', ['-batch', '-'], outside.join('\n'))
      await sh('ip', ['-n', namespace, '-batch', '-'], inside.join('\n'))
      const member = { service, addresses }
      members.add(member)
      const first = networks.find(({ name }) => addresses.has(name))
      return {
        namespace,
        addresses,
        nameServer: first && `${first.prefix}.1`,
        async leave() {
          members.delete(member)
          await sh('ip', ['netns', 'delete', namespace])
        }
      }
    },

    async close() {
      for (const { server, bridge } of networks) {
        server.close()
        await once(server, 'close')
        await sh('ip', ['link', 'delete', bridge])
      }
    }
  }
}

async function createNetwork(
  name: string,
  internal: boolean,
  bridge: string,
  prefix: string,
  members: Set<Member>
): Promise<Network> {
  await sh(
    'ip',
    ['-batch', '-'],
    [
      `link add ${bridge} address ${macOf(prefix)} type bridge`,
      `addr add ${prefix}.1/24 dev ${bridge}`,
      `link set ${bridge} up`
    ].join('\n')
  )
  const server = createSocket('udp4')
  server.on('message', (question, { address, port }) => {
    const answer = answerTo(question, (asked) => addressesOf(asked, address, members))
    if (answer) server.send(answer, port, address)
  })
  server.bind(53, `${prefix}.1`)
  await once(server, 'listening')
  return { name, internal, bridge, prefix, server }
}

/** A service is known to whoever shares a network with it, by its addresses there, in a new order each time. */
function addressesOf(service: string, asker: string, members: Set<Member>): string[] {
  const here = [...members].find(({ addresses }) => [...addresses.values()].includes(asker))
  if (!here) return []
  return [...members]
    .filter((member) => member.service === service)
    .flatMap(({ addresses }) => [...addresses].filter(([network]) => here.addresses.has(network)).slice(0, 1))
    .map(([, address]) => ({ address, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ address }) => address)
}

// A bridge without an address of its own changes it with its ports, and its neighbours lose it for seconds.
function macOf(prefix: string): string {
  return [
    '02',
    '00',
    ...prefix.split('.').map((part) => Number(part).toString(16).padStart(2, '0')),
    '01'
  ].join(':')
}
