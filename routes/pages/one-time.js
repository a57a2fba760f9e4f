// Opening the link changes nothing: the token leaves the address only when the form is sent.
const isSetUp = location.pathname === '/auth/setup'
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? ''
const form = document.querySelector('form')
const status = document.querySelector('[role=status]')

if (isSetUp) document.querySelector('h1').textContent = 'Make the first administrator'
else document.querySelector('#email').remove()

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  status.textContent = ''
  const response = await fetch(location.pathname, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token, ...Object.fromEntries(new FormData(form)) })
  })
  if (response.ok) return finish()
  const { title, errors = [] } = await response.json()
  status.textContent = [title, ...errors.map(({ detail }) => detail)].join(' ')
})

function finish() {
  history.replaceState(null, '', location.pathname)
  form.replaceChildren(status)
  status.textContent = isSetUp
    ? 'You are the first administrator, and signed in.'
    : 'Your password is set: sign in with it.'
}
