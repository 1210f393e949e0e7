import type { ExplainedOut, PostingPage, StatementOut } from '@client'
import { fileAddress, get, withQuery, type Query } from './http'

export const readStatement = (query: Query) => get<StatementOut>('/ledger/statement', query)
export const statementAddress = (query: Query) => fileAddress(withQuery('/ledger/statement.csv', query))
export const listPostings = (query: Query) => get<PostingPage>('/ledger/postings', query)
export const explain = (figure: string, of: string) => get<ExplainedOut>(`/ledger/explain/${figure}/${of}`)
