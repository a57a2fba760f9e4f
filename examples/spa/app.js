import { createGatehouse } from './gatehouse.js'

const $ = (selector) => document.querySelector(selector)
const call = createGatehouse($('meta[name=gatehouse]').content)

$('#sign-in').addEventListener('submit', (event) => {
  event.preventDefault()
  const { email, password, remember } = event.target.elements
  const account = { email: email.value, password: password.value }
  attempt(async () => {
    if (event.submitter.value === 'register') await call('POST', '/auth/register', account)
    else await call('POST', '/auth/login', { ...account, remember: remember.checked })
    event.target.reset()
    await load()
  })
})

$('#reload').addEventListener('click', () => attempt(load))

$('#sign-out').addEventListener('click', () =>
  attempt(async () => {
    await call('POST', '/auth/logout')
    showSignedOut()
  })
)

attempt(load)

async function load() {
  const [me, sessions] = await Promise.all([call('GET', '/auth/me'), call('GET', '/auth/sessions')])
  showSignedIn(me, sessions.items)
}

async function end({ id, current }) {
  await whenConfirmed(() => call('DELETE', `/auth/sessions/${id}`))
  if (current) showSignedOut()
  else await load()
}

// Sensitive changes ask for a recent sign-in: give the password once more, then try again.
async function whenConfirmed(change) {
  try {
    await change()
  } catch (error) {
    if (error.code !== 'reauthentication_required') throw error
    await call('POST', '/auth/reauthenticate', { password: await askPassword() })
    await change()
  }
}

function askPassword() {
  const dialog = $('#confirm')
  dialog.returnValue = 'cancel'
  dialog.showModal()
  return new Promise((resolve, reject) => {
    dialog.addEventListener('close', () => closed(dialog, resolve, reject), { once: true })
  })
}

function closed(dialog, resolve, reject) {
  const form = dialog.querySelector('form')
  const password = form.elements.password.value
  form.reset()
  if (dialog.returnValue === 'confirm') resolve(password)
  else reject(new Error('Nothing was changed.'))
}

async function attempt(action) {
  say('')
  document.body.ariaBusy = 'true'
  try {
    await action()
  } catch (error) {
    explain(error)
  } finally {
    document.body.ariaBusy = 'false'
  }
}

// Only `invalid_session` means signed out: a network failure, a 429 or a 503 passes, and the session with it goes on.
function explain({ code, message, errors = [] }) {
  if (code === 'invalid_session') showSignedOut()
  else say([message, ...errors.map(({ detail }) => detail)].join(' '))
}

function showSignedIn({ user, roles }, sessions) {
  $('#who').textContent = user.email
  $('#roles').textContent = roles.join(', ')
  $('#sessions').replaceChildren(...sessions.map(sessionItem))
  show('#signed-in')
}

function showSignedOut() {
  $('#sessions').replaceChildren()
  show('#signed-out')
  say('You are signed out.')
}

function sessionItem(session) {
  const item = $('#session').content.cloneNode(true)
  const device = session.current ? 'This browser' : session.userAgent || 'Unknown device'
  item.querySelector('.device').textContent = device
  item.querySelector('time').dateTime = session.lastUsedAt
  item.querySelector('time').textContent = new Date(session.lastUsedAt).toLocaleString()
  const button = item.querySelector('button')
  button.ariaLabel = `End the session of: ${device}`
  button.addEventListener('click', () => attempt(() => end(session)))
  return item
}

function show(id) {
  for (const section of document.querySelectorAll('main > section')) section.hidden = !section.matches(id)
}

function say(text) {
  $('#status').textContent = text
}
