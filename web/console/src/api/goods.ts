import type {
  AdjustIn, BulkIn, BulkOut, CategoryIn, CategoryOut, ImageOut, ImportOut, ImportPreviewOut, JobOut, LocationOut,
  MappingField, MovementOut, Page, ProductIn, ProductOut, ProductPageOut, RejectedOut, SavedMapping, StockRowOut,
} from '@client'
import { get, patch, post, put, remove, upload, type Query } from './http'

export const listProducts = (query: Query) => get<ProductPageOut>('/products', query)
export const readProduct = (id: string) => get<ProductOut>(`/products/${id}`)
export const addProduct = (body: ProductIn, key: string) => post<ProductOut>('/products', body, key)
export const saveProduct = (id: string, body: ProductIn) => put<ProductOut>(`/products/${id}`, body)
export type BulkAction = BulkIn['action']
export const changeProducts = (ids: string[], action: BulkAction, category_id?: string) =>
  post<BulkOut>('/products/bulk', { ids, action, ...(category_id ? { category_id } : {}) })
export const addImage = (file: File) => upload<ImageOut>('/media', file)

export const listCategories = () => get<{ items: CategoryOut[] }>('/categories')
export const addCategory = (body: CategoryIn, key: string) => post<CategoryOut>('/categories', body, key)
export const changeCategory = (id: string, body: Partial<CategoryIn>) => patch<CategoryOut>(`/categories/${id}`, body)
export const dropCategory = (id: string) => remove<void>(`/categories/${id}`)

export type ImportPlan = { format: ImportOut['format']; mapping: MappingField[] }
/** What the job of an import leaves behind in `result`. */
export interface ImportResult { rows: number; products: number; variants: number; images: number; updated: number; unchanged: number; rejected: RejectedOut[] }
export const addImport = (file: File, key: string) => upload<ImportOut>('/imports', file, key)
export const listImports = (query: Query) => get<Page<ImportOut>>('/imports', query)
export const readImport = (id: string) => get<ImportOut>(`/imports/${id}`)
export const previewImport = (id: string, plan: ImportPlan) => post<ImportPreviewOut>(`/imports/${id}/preview`, plan)
export const startImport = (id: string, plan: ImportPlan & { save_mapping_as?: string }, key: string) => post<JobOut>(`/imports/${id}/start`, plan, key)
export const listMappings = () => get<{ items: SavedMapping[] }>('/imports/mappings')

export const listStock = (query: Query) => get<Page<StockRowOut>>('/stock', query)
export const adjustStock = (body: AdjustIn, key: string) => post<StockRowOut>('/stock/adjust', body, key)
export const listMovements = (sku: string, query: Query) => get<Page<MovementOut>>(`/stock/${sku}/movements`, query)
export const listLocations = () => get<{ items: LocationOut[] }>('/locations')
