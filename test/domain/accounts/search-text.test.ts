import fc from 'fast-check'
import t from 'tap'
import { foldedEmail, foldedText } from '../../../domain/accounts/search-text.ts'

const ALIKE = {
  case: ['ÉLODIE', 'élodie', 'Elodie', 'E\u0301lodie'],
  'final sigma': ['ΟΔΥΣΣΕΥΣ', 'Οδυσσεύς', 'οδυσσευσ'],
  'dotted and dotless i': ['İSTANBUL', 'istanbul', 'ISTANBUL', 'ıstanbul'],
  'sharp s': ['STRASSE', 'Straße', 'STRAẞE'],
  'letters with a stroke, and ligatures': ['ŁÓDŹ', 'lodz', 'Łodz'],
  'compatibility forms': ['ﬁnn', 'FINN', 'ｆｉｎｎ'],
  Korean: ['한국', '한국'.normalize('NFD')]
}

for (const [what, spellings] of Object.entries(ALIKE)) {
  t.test(`search takes spellings for one: ${what}`, async (t) => {
    t.strictSame([...new Set(spellings.map(foldedText))].length, 1, spellings.map(foldedText).join(' '))
  })
}

t.test('search keeps letters apart that only look alike, and marks that are no accents', async (t) => {
  t.not(foldedText('がく'), foldedText('かく'))
  t.not(foldedText('a'), foldedText('а'))
})

t.test('an address has both spellings of its domain', async (t) => {
  t.equal(foldedEmail('info@xn--mnchen-3ya.de'), 'info@xn--mnchen-3ya.de info@munchen.de')
  t.equal(foldedEmail('ada@example.com'), 'ada@example.com')
})

t.test('what is folded stays as it is', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => foldedText(foldedText(text)) === foldedText(text))
  )
})
