// Browsers may forbid storage: in some private windows, and in a frame of another site such as the console's preview.
// uni-app's runtime reads localStorage while it loads and would stop there; then things are kept until the page goes.
(function () {
  try {
    window.localStorage.length
  } catch (forbidden) {
    var kept = new Map()
    var storage = {
      getItem: function (name) { return kept.has(name) ? kept.get(name) : null },
      setItem: function (name, value) { kept.set(name, String(value)) },
      removeItem: function (name) { kept.delete(name) },
      clear: function () { kept.clear() },
      key: function (index) { return Array.from(kept.keys())[index] || null },
      get length() { return kept.size },
    }
    Object.defineProperty(window, 'localStorage', { value: storage, configurable: true })
    Object.defineProperty(window, 'sessionStorage', { value: storage, configurable: true })
  }
  // The same runtime keeps a lasting device number at the first turn of the screen. Nobody agreed to one: it is not kept.
  if (window.Storage) Object.defineProperty(window.Storage.prototype, '__DC_STAT_UUID', { get: function () { return '' }, set: function () {} })
})()
