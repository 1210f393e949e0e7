import type { BackupsOut, DroppedOut, HealthOut, JobOut, LagOut, Page, ParkedOut, RetriedOut } from '@client'
import { fileAddress, get, post, type Query } from './http'

export const listJobs = (query: Query) => get<Page<JobOut>>('/jobs', query)
export const readJob = (id: string) => get<JobOut>(`/jobs/${id}`)
export const retryJob = (id: string) => post<JobOut>(`/jobs/${id}/retry`)
export const cancelJob = (id: string) => post<JobOut>(`/jobs/${id}/cancel`)
export const reportAddress = (id: string) => fileAddress(`/jobs/${id}/report`)

export const listParked = (query: Query) => get<Page<ParkedOut>>('/parked-events', query)
export const retryParked = (listener: string, subject: string) => post<RetriedOut>('/parked-events/retry', { listener, subject })
export const dropParked = (listener: string, subject: string, reason: string) => post<DroppedOut>('/parked-events/drop', { listener, subject, reason })
export const readLag = () => get<LagOut>('/events/lag')
export const readHealth = () => get<HealthOut>('/health')
export const startCheck = () => post<JobOut>('/health/checks')
export const listBackups = () => get<BackupsOut>('/backups')
export const takeBackup = () => post<JobOut>('/backups')
export const verifyBackup = () => post<JobOut>('/backups/verify')
