/** The reason why `ENGINE=sqlite` skips the tests that need PostgreSQL. */
export const LEFT_OUT = 'ENGINE=sqlite leaves PostgreSQL out'
