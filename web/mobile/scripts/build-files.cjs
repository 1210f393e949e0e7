const fs = require('node:fs')
const path = require('node:path')

/** Every file below a folder. */
function filesOf(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name)
    return entry.isDirectory() ? filesOf(file) : [file]
  })
}

/** Addresses of other hosts; XML namespaces of w3.org are names, not addresses. */
const FOREIGN = /(?:https?|wss?):\/\/(?!www\.w3\.org\/)(?!\$\{)[a-z0-9-]+(?:\.[a-z0-9-]+)+[^\s"'`)\\<>]*/gi

module.exports = { filesOf, FOREIGN }
