// Sends what a shop would send with Segment's own client for Node, unmodified: send.mjs HOST WRITE_KEY COUNT
import { Analytics } from '@segment/analytics-node'

const [host, writeKey, count] = process.argv.slice(2)
const client = new Analytics({ host, writeKey, flushAt: 40, maxRetries: 3 })
const failures = []
client.on('error', (failure) => failures.push(String(failure.reason ?? failure.code)))

for (let number = 0; number < Number(count); number++) {
  client.track({
    anonymousId: `node-${number % 7}`,
    event: 'Product Viewed',
    properties: { quantity: number },
  })
}
client.page({ anonymousId: 'node-0', name: 'Home', properties: { path: '/' } })
client.identify({ userId: 'node-user', traits: { plan: 'gold' } })
client.group({ userId: 'node-user', groupId: 'node-group' })
client.alias({ userId: 'node-user', previousId: 'node-0' })
await client.closeAndFlush({ timeout: 20_000 })

process.stdout.write(JSON.stringify({ failures }))
process.exit(failures.length ? 1 : 0)
