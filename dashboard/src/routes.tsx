// The table of contents: every page there is. Addresses live behind the `#`, so that any server of plain files can
// serve the dashboard, under any path.

import { Redirect, Route, Switch } from 'wouter'
import type { Order } from './api/reads'
import { STATUSES, type Status } from './api/types'
import { BoardPage } from './board/board-page'
import { FoundPage } from './board/search'
import { useI18n } from './i18n/i18n'
import { IncidentsPage } from './incidents/incidents-page'
import { GroupPage } from './messages/group-page'
import { MessagePage } from './messages/message-page'
import { MessagesPage } from './messages/messages-page'
import { MetalsPage } from './metals/metals-page'
import { MyWorkPage } from './mywork/my-work-page'
import { OrderPage } from './order/order-page'
import { FoundQuotesPage } from './quotes/found-quotes-page'
import { QuotePage } from './quotes/quote-page'
import { QuotesPage } from './quotes/quotes-page'
import type { Role } from './session/token'
import { useBackend } from './session/use-backend'

/** Where each role's day begins. */
const FIRST: Record<Role, Status> = {
  operator: 'MANUFACTURING_APPROVED',
  seller: 'PRICE_CALCULATED',
  admin: 'SUBMITTED',
  partner: 'SUBMITTED',
}

export function Routes() {
  const { t } = useI18n()
  const { session } = useBackend()
  const first = `/board/${FIRST[session.role]}/newest`
  return (
    <Switch>
      <Route path="/board/:status/:sorting">
        {(at) => <Board status={at.status} sorting={at.sorting} />}
      </Route>
      <Route path="/orders/:id">{(at) => <OrderPage key={at.id} orderId={at.id} />}</Route>
      <Route path="/find/:reference">
        {(at) => <FoundPage reference={decodeURIComponent(at.reference)} />}
      </Route>
      <Route path="/my-work">
        <MyWorkPage />
      </Route>
      <Route path="/metals">
        <MetalsPage />
      </Route>
      <Route path="/incidents">
        <IncidentsPage />
      </Route>
      <Route path="/messages/group/:fingerprint">
        {(at) => <GroupPage key={at.fingerprint} fingerprint={at.fingerprint} />}
      </Route>
      <Route path="/messages/:no">{(at) => <MessagePage key={at.no} messageNo={at.no} />}</Route>
      <Route path="/messages">
        <MessagesPage />
      </Route>
      <Route path="/quotes/find/:reference">
        {(at) => <FoundQuotesPage reference={decodeURIComponent(at.reference)} />}
      </Route>
      <Route path="/quotes/:id">{(at) => <QuotePage key={at.id} quoteId={at.id} />}</Route>
      <Route path="/quotes">
        <QuotesPage />
      </Route>
      <Route path="/board">
        <Redirect to={first} replace />
      </Route>
      <Route path="/">
        <Redirect to={first} replace />
      </Route>
      <Route>
        <p className="pad">{t('page.not-found')}</p>
      </Route>
    </Switch>
  )
}

function Board({ status, sorting }: { status: string; sorting: string }) {
  const { t } = useI18n()
  const known = STATUSES.find((each) => each === status)
  if (!known) return <p className="pad">{t('page.not-found')}</p>
  const order: Order = sorting === 'oldest' ? 'oldest' : 'newest'
  return <BoardPage status={known} sorting={order} />
}
