/** Why a test is skipped that needs PostgreSQL, with `ENGINE=sqlite`. */
export const LEFT_OUT = 'ENGINE=sqlite leaves PostgreSQL out'
