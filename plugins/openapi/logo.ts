// A gate between two towers.
const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" viewBox="0 0 40 40">
<path fill="#4f8fd0" d="M3 6h3v3h3V6h3v8h16V6h3v3h3V6h3v30H26V25a6 6 0 0 0-12 0v11H3z"/>
</svg>
`

/** Gatehouse's own logo and favicon of the API reference. */
export const logo = { type: 'image/svg+xml', content: svg }
