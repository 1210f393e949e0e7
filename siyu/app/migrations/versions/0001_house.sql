-- The schema of the first version, statement by statement. Frozen: later steps change it, nobody edits it.

CREATE SEQUENCE events_seq CACHE 1;

CREATE SEQUENCE stock_movements_seq CACHE 1;

CREATE TABLE attempts (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    count BIGINT NOT NULL,
    CONSTRAINT attempts_pkey PRIMARY KEY (brand_id, kind, key)
);

CREATE TABLE audit (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id UUID,
    actor_name TEXT NOT NULL,
    actor_path TEXT COLLATE "C" NOT NULL,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id UUID,
    subject_label TEXT NOT NULL,
    facts JSONB NOT NULL,
    request_id TEXT NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (brand_id, id)
);

CREATE INDEX audit_brand_id_action_at_id_idx ON audit (brand_id, action, at, id);

CREATE INDEX audit_brand_id_actor_id_at_id_idx ON audit (brand_id, actor_id, at, id);

CREATE INDEX audit_brand_id_at_id_idx ON audit (brand_id, at, id);

CREATE INDEX audit_brand_id_subject_id_at_id_idx ON audit (brand_id, subject_id, at, id);

CREATE TABLE brands (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    slug TEXT NOT NULL,
    name JSONB NOT NULL,
    currency TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    locales JSONB NOT NULL,
    default_locale TEXT NOT NULL,
    is_demo BOOLEAN NOT NULL,
    theme_color TEXT NOT NULL,
    privacy JSONB NOT NULL,
    privacy_version BIGINT NOT NULL,
    service_phone TEXT NOT NULL,
    unpaid_timeout_minutes BIGINT NOT NULL,
    write_key TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT brands_pkey PRIMARY KEY (brand_id)
);

CREATE TABLE catalogue_imports (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    filename TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    file_hash TEXT NOT NULL,
    file_key TEXT,
    format TEXT NOT NULL,
    mapping JSONB DEFAULT '[]' NOT NULL,
    header JSONB DEFAULT '[]' NOT NULL,
    sample JSONB DEFAULT '[]' NOT NULL,
    job_id UUID,
    done_products BIGINT DEFAULT '0' NOT NULL,
    counts JSONB DEFAULT '{}' NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT catalogue_imports_pkey PRIMARY KEY (brand_id, id)
);

CREATE INDEX catalogue_imports_brand_id_created_at_id_idx ON catalogue_imports (brand_id, created_at, id);

CREATE INDEX catalogue_imports_brand_id_file_hash_idx ON catalogue_imports (brand_id, file_hash);

CREATE TABLE customer_counters (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    last_seq BIGINT NOT NULL,
    CONSTRAINT customer_counters_pkey PRIMARY KEY (brand_id)
);

CREATE TABLE demo_messages (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    phone TEXT NOT NULL,
    text TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT demo_messages_pkey PRIMARY KEY (brand_id, id)
);

CREATE INDEX demo_messages_brand_id_at_idx ON demo_messages (brand_id, at);

CREATE INDEX demo_messages_brand_id_phone_at_idx ON demo_messages (brand_id, phone, at);

CREATE TABLE directory (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    CONSTRAINT directory_pkey PRIMARY KEY (kind, key)
);

CREATE INDEX directory_brand_id_idx ON directory (brand_id);

CREATE TABLE event_cursors (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    listener TEXT NOT NULL,
    lo xid8 NOT NULL,
    hi xid8 NOT NULL,
    seq BIGINT NOT NULL,
    heard_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT event_cursors_pkey PRIMARY KEY (brand_id, listener)
);

CREATE TABLE events (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    seq BIGINT DEFAULT nextval('events_seq') NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    subject UUID NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    origin TEXT NOT NULL,
    actor JSONB DEFAULT '{}' NOT NULL,
    data JSONB NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (brand_id, seq)
);

CREATE INDEX events_brand_id_subject_seq_idx ON events (brand_id, subject, seq);

CREATE INDEX events_brand_id_xid_seq_idx ON events (brand_id, xid, seq);

CREATE INDEX events_xid_brand_idx ON events (xid, brand_id);

CREATE TABLE freight_templates (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    name JSONB NOT NULL,
    is_default BOOLEAN NOT NULL,
    rules JSONB NOT NULL,
    CONSTRAINT freight_templates_pkey PRIMARY KEY (brand_id, id)
);

CREATE UNIQUE INDEX freight_templates_default_key ON freight_templates (brand_id) WHERE is_default;

CREATE TABLE idempotency_keys (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    input_hash TEXT NOT NULL,
    reference JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (brand_id, scope, key)
);

CREATE INDEX idempotency_keys_brand_id_created_at_idx ON idempotency_keys (brand_id, created_at);

CREATE TABLE import_mappings (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    name TEXT NOT NULL,
    mapping JSONB NOT NULL,
    saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT import_mappings_pkey PRIMARY KEY (brand_id, name)
);

CREATE TABLE jobs (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    title JSONB NOT NULL,
    state TEXT NOT NULL,
    args JSONB NOT NULL,
    step JSONB NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT,
    failed BIGINT NOT NULL,
    result JSONB NOT NULL,
    error TEXT,
    report_key TEXT,
    attempts BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    lease_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT jobs_pkey PRIMARY KEY (brand_id, id)
);

CREATE INDEX jobs_brand_id_state_id_idx ON jobs (brand_id, state, id);

CREATE INDEX jobs_state_lease_until_idx ON jobs (state, lease_until);

CREATE TABLE links (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    code TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    source TEXT NOT NULL,
    scene TEXT NOT NULL,
    store_id UUID,
    guide_id UUID,
    note TEXT NOT NULL,
    created_by UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT links_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT links_brand_id_code_key UNIQUE (brand_id, code)
);

CREATE INDEX links_brand_id_created_at_id_idx ON links (brand_id, created_at, id);

CREATE TABLE media (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    hash TEXT,
    source TEXT,
    alt JSONB DEFAULT '{}' NOT NULL,
    generated BOOLEAN DEFAULT false NOT NULL,
    label TEXT DEFAULT '' NOT NULL,
    width BIGINT DEFAULT '0' NOT NULL,
    height BIGINT DEFAULT '0' NOT NULL,
    attempts BIGINT DEFAULT '0' NOT NULL,
    error TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT media_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT media_brand_id_source_key UNIQUE (brand_id, source)
);

CREATE INDEX media_brand_id_hash_idx ON media (brand_id, hash);

CREATE INDEX media_waiting_idx ON media (brand_id, attempts, id) WHERE hash is null and source is not null;

CREATE TABLE orders (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    number TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    customer_id UUID NOT NULL,
    request_key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    pay_by TIMESTAMP WITH TIME ZONE NOT NULL,
    paid_at TIMESTAMP WITH TIME ZONE,
    completed_at TIMESTAMP WITH TIME ZONE,
    cancelled_at TIMESTAMP WITH TIME ZONE,
    cancel_reason TEXT DEFAULT '' NOT NULL,
    ship_by TIMESTAMP WITH TIME ZONE,
    delivery TEXT NOT NULL,
    location_id UUID NOT NULL,
    pick_up_store_id UUID,
    recipient JSONB DEFAULT '{}' NOT NULL,
    source TEXT NOT NULL,
    scene TEXT DEFAULT '' NOT NULL,
    store_id UUID,
    guide_id UUID,
    link_id UUID,
    currency TEXT NOT NULL,
    goods_minor BIGINT NOT NULL,
    freight_minor BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,
    paid_minor BIGINT DEFAULT '0' NOT NULL,
    refunded_minor BIGINT DEFAULT '0' NOT NULL,
    freight_refunded_minor BIGINT DEFAULT '0' NOT NULL,
    quantity BIGINT NOT NULL,
    first_title JSONB NOT NULL,
    image_ids JSONB DEFAULT '[]' NOT NULL,
    waterfall JSONB NOT NULL,
    customer_note TEXT DEFAULT '' NOT NULL,
    CONSTRAINT orders_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT orders_brand_id_number_key UNIQUE (brand_id, number),
    CONSTRAINT orders_brand_id_customer_id_request_key_key UNIQUE (brand_id, customer_id, request_key),
    CONSTRAINT orders_state_check CHECK (state in ('unpaid', 'paid', 'shipped', 'ready', 'completed', 'cancelled', 'refunded')),
    CONSTRAINT orders_delivery_check CHECK (delivery in ('express', 'pick_up')),
    CONSTRAINT orders_amounts_check CHECK (goods_minor >= 0 and freight_minor >= 0),
    CONSTRAINT orders_total_check CHECK (total_minor = goods_minor + freight_minor),
    CONSTRAINT orders_refunded_check CHECK (refunded_minor between 0 and paid_minor),
    CONSTRAINT orders_freight_refunded_check CHECK (freight_refunded_minor between 0 and freight_minor)
);

CREATE INDEX orders_brand_id_placed_at_id_idx ON orders (brand_id, placed_at, id);

CREATE INDEX orders_brand_id_state_placed_at_id_idx ON orders (brand_id, state, placed_at, id);

CREATE INDEX orders_link_idx ON orders (brand_id, link_id) WHERE link_id is not null;

CREATE INDEX orders_store_idx ON orders (brand_id, store_id, placed_at, id) WHERE store_id is not null;

CREATE TABLE parked_events (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    listener TEXT NOT NULL,
    seq BIGINT NOT NULL,
    subject UUID NOT NULL,
    kind TEXT NOT NULL,
    error TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    parked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT parked_events_pkey PRIMARY KEY (brand_id, listener, seq)
);

CREATE INDEX parked_events_brand_id_listener_subject_seq_idx ON parked_events (brand_id, listener, subject, seq);

CREATE TABLE payments (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    payable_kind TEXT NOT NULL,
    payable_id UUID NOT NULL,
    payable_label TEXT NOT NULL,
    payer_id UUID,
    provider TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    state TEXT NOT NULL,
    provider_reference TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT payments_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT payments_amount_check CHECK (amount_minor > 0)
);

CREATE INDEX payments_brand_id_payable_kind_payable_id_created_at_idx ON payments (brand_id, payable_kind, payable_id, created_at);

CREATE TABLE product_tokens (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    token TEXT NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT product_tokens_pkey PRIMARY KEY (brand_id, token, id)
);

CREATE TABLE roles (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    code TEXT NOT NULL,
    name JSONB NOT NULL,
    permissions JSONB NOT NULL,
    masks JSONB NOT NULL,
    CONSTRAINT roles_pkey PRIMARY KEY (brand_id, code)
);

CREATE TABLE saved_views (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    staff_id UUID NOT NULL,
    page TEXT NOT NULL,
    name TEXT NOT NULL,
    query JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT saved_views_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT saved_views_brand_id_staff_id_page_name_key UNIQUE (brand_id, staff_id, page, name)
);

CREATE TABLE shop_pages (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    key TEXT NOT NULL,
    title JSONB NOT NULL,
    draft JSONB NOT NULL,
    draft_version BIGINT NOT NULL,
    draft_saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    published_number BIGINT,
    CONSTRAINT shop_pages_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT shop_pages_brand_id_key_key UNIQUE (brand_id, key)
);

CREATE TABLE sign_in_codes (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    phone_key TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    tries BIGINT NOT NULL,
    CONSTRAINT sign_in_codes_pkey PRIMARY KEY (brand_id, phone_key)
);

CREATE TABLE stock_movements (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    seq BIGINT DEFAULT nextval('stock_movements_seq') NOT NULL,
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    kind TEXT NOT NULL,
    delta_on_hand BIGINT NOT NULL,
    delta_reserved BIGINT NOT NULL,
    on_hand_after BIGINT NOT NULL,
    reserved_after BIGINT NOT NULL,
    order_id UUID,
    order_number TEXT DEFAULT '' NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    actor_id UUID,
    actor_name TEXT DEFAULT '' NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT stock_movements_pkey PRIMARY KEY (brand_id, seq),
    CONSTRAINT stock_movements_kind_check CHECK (kind in ('counted', 'received', 'reserved', 'released', 'shipped', 'returned', 'imported'))
);

CREATE INDEX stock_movements_brand_id_order_id_idx ON stock_movements (brand_id, order_id) WHERE order_id is not null;

CREATE INDEX stock_movements_brand_id_sku_id_location_id_seq_idx ON stock_movements (brand_id, sku_id, location_id, seq);

CREATE TABLE timers (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    kind TEXT NOT NULL,
    subject UUID NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    data JSONB NOT NULL,
    attempts BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT timers_pkey PRIMARY KEY (brand_id, kind, subject)
);

CREATE INDEX timers_brand_id_kind_due_at_idx ON timers (brand_id, kind, due_at);

CREATE INDEX timers_due_at_brand_idx ON timers (due_at, brand_id, kind);

CREATE TABLE tracking_spool (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    messages BIGINT NOT NULL,
    body BYTEA NOT NULL,
    CONSTRAINT tracking_spool_pkey PRIMARY KEY (brand_id, id)
);

CREATE TABLE units (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    parent_id UUID,
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    name JSONB NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    address TEXT,
    district_code TEXT,
    phone TEXT,
    hours JSONB,
    latitude_e6 BIGINT,
    longitude_e6 BIGINT,
    pick_up BOOLEAN,
    CONSTRAINT units_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT units_brand_id_parent_id_fkey FOREIGN KEY(brand_id, parent_id) REFERENCES units (brand_id, id),
    CONSTRAINT units_brand_id_code_key UNIQUE (brand_id, code),
    CONSTRAINT units_brand_id_path_key UNIQUE (brand_id, path)
);

CREATE INDEX units_brand_id_parent_id_idx ON units (brand_id, parent_id);

CREATE TABLE categories (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    parent_id UUID,
    name JSONB NOT NULL,
    position BIGINT DEFAULT '0' NOT NULL,
    image_id UUID,
    version BIGINT DEFAULT '1' NOT NULL,
    CONSTRAINT categories_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT categories_brand_id_parent_id_fkey FOREIGN KEY(brand_id, parent_id) REFERENCES categories (brand_id, id),
    CONSTRAINT categories_brand_id_image_id_fkey FOREIGN KEY(brand_id, image_id) REFERENCES media (brand_id, id)
);

CREATE INDEX categories_brand_id_parent_id_position_idx ON categories (brand_id, parent_id, position);

CREATE TABLE import_rejections (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    import_id UUID NOT NULL,
    position BIGINT NOT NULL,
    line BIGINT NOT NULL,
    "column" TEXT NOT NULL,
    code TEXT NOT NULL,
    reason JSONB NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT import_rejections_pkey PRIMARY KEY (brand_id, import_id, position),
    CONSTRAINT import_rejections_brand_id_import_id_fkey FOREIGN KEY(brand_id, import_id) REFERENCES catalogue_imports (brand_id, id) ON DELETE CASCADE
);

CREATE TABLE order_lines (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    order_id UUID NOT NULL,
    line_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    product_id UUID NOT NULL,
    code TEXT NOT NULL,
    title JSONB NOT NULL,
    option_label JSONB NOT NULL,
    image_id UUID,
    quantity BIGINT NOT NULL,
    list_minor BIGINT NOT NULL,
    unit_minor BIGINT NOT NULL,
    line_minor BIGINT NOT NULL,
    steps JSONB NOT NULL,
    refunded_quantity BIGINT DEFAULT '0' NOT NULL,
    refunded_minor BIGINT DEFAULT '0' NOT NULL,
    shipped_quantity BIGINT DEFAULT '0' NOT NULL,
    released_quantity BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT order_lines_pkey PRIMARY KEY (brand_id, order_id, line_id),
    CONSTRAINT order_lines_brand_id_order_id_fkey FOREIGN KEY(brand_id, order_id) REFERENCES orders (brand_id, id),
    CONSTRAINT order_lines_amounts_check CHECK (quantity > 0 and line_minor >= 0 and list_minor >= 0 and unit_minor >= 0),
    CONSTRAINT order_lines_refunded_quantity_check CHECK (refunded_quantity between 0 and quantity),
    CONSTRAINT order_lines_refunded_check CHECK (refunded_minor between 0 and line_minor),
    CONSTRAINT order_lines_shipped_quantity_check CHECK (shipped_quantity >= 0 and released_quantity between 0 and refunded_quantity and shipped_quantity + released_quantity <= quantity)
);

CREATE TABLE order_notes (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    staff_id UUID,
    staff_name TEXT NOT NULL,
    text TEXT NOT NULL,
    CONSTRAINT order_notes_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT order_notes_brand_id_order_id_fkey FOREIGN KEY(brand_id, order_id) REFERENCES orders (brand_id, id)
);

CREATE INDEX order_notes_brand_id_order_id_at_idx ON order_notes (brand_id, order_id, at);

CREATE TABLE order_refunds (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    amount_minor BIGINT NOT NULL,
    freight_minor BIGINT DEFAULT '0' NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    restock BOOLEAN NOT NULL,
    extra BOOLEAN DEFAULT false NOT NULL,
    payment_id UUID,
    agreed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    agreed_by TEXT DEFAULT '' NOT NULL,
    CONSTRAINT order_refunds_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT order_refunds_brand_id_order_id_fkey FOREIGN KEY(brand_id, order_id) REFERENCES orders (brand_id, id),
    CONSTRAINT order_refunds_amount_check CHECK (amount_minor >= 0 and freight_minor between 0 and amount_minor),
    CONSTRAINT order_refunds_state_check CHECK (state in ('agreed', 'sent', 'succeeded', 'failed'))
);

CREATE INDEX order_refunds_brand_id_order_id_idx ON order_refunds (brand_id, order_id);

CREATE TABLE order_tokens (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    token TEXT NOT NULL,
    order_id UUID NOT NULL,
    CONSTRAINT order_tokens_pkey PRIMARY KEY (brand_id, token, order_id),
    CONSTRAINT order_tokens_brand_id_order_id_fkey FOREIGN KEY(brand_id, order_id) REFERENCES orders (brand_id, id)
);

CREATE INDEX order_tokens_brand_id_order_id_idx ON order_tokens (brand_id, order_id);

CREATE TABLE parcels (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    carrier TEXT NOT NULL,
    tracking_number TEXT NOT NULL,
    shipped_at TIMESTAMP WITH TIME ZONE NOT NULL,
    signed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT parcels_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT parcels_brand_id_order_id_fkey FOREIGN KEY(brand_id, order_id) REFERENCES orders (brand_id, id)
);

CREATE INDEX parcels_brand_id_order_id_shipped_at_idx ON parcels (brand_id, order_id, shipped_at);

CREATE INDEX parcels_brand_id_tracking_number_idx ON parcels (brand_id, tracking_number);

CREATE TABLE payment_refunds (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    payment_id UUID NOT NULL,
    key TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    provider_reference TEXT NOT NULL,
    error TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT payment_refunds_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT payment_refunds_brand_id_payment_id_fkey FOREIGN KEY(brand_id, payment_id) REFERENCES payments (brand_id, id),
    CONSTRAINT payment_refunds_brand_id_payment_id_key_key UNIQUE (brand_id, payment_id, key),
    CONSTRAINT payment_refunds_amount_check CHECK (amount_minor > 0)
);

CREATE TABLE pick_ups (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    order_id UUID NOT NULL,
    store_id UUID,
    code TEXT NOT NULL,
    tries BIGINT NOT NULL,
    last_try_at TIMESTAMP WITH TIME ZONE,
    handed_over_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pick_ups_pkey PRIMARY KEY (brand_id, order_id),
    CONSTRAINT pick_ups_brand_id_order_id_fkey FOREIGN KEY(brand_id, order_id) REFERENCES orders (brand_id, id)
);

CREATE TABLE shop_page_versions (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    page_id UUID NOT NULL,
    number BIGINT NOT NULL,
    blocks JSONB NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    published_by TEXT NOT NULL,
    CONSTRAINT shop_page_versions_pkey PRIMARY KEY (brand_id, page_id, number),
    CONSTRAINT shop_page_versions_brand_id_page_id_fkey FOREIGN KEY(brand_id, page_id) REFERENCES shop_pages (brand_id, id)
);

CREATE TABLE staff (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    login TEXT NOT NULL,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    unit_id UUID NOT NULL,
    active BOOLEAN NOT NULL,
    locale TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT staff_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT staff_brand_id_unit_id_fkey FOREIGN KEY(brand_id, unit_id) REFERENCES units (brand_id, id),
    CONSTRAINT staff_brand_id_login_key UNIQUE (brand_id, login)
);

CREATE INDEX staff_brand_id_unit_id_idx ON staff (brand_id, unit_id);

CREATE TABLE stock_locations (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    unit_id UUID,
    name JSONB NOT NULL,
    sells_online BOOLEAN DEFAULT false NOT NULL,
    pick_up BOOLEAN DEFAULT false NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT stock_locations_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT stock_locations_brand_id_unit_id_fkey FOREIGN KEY(brand_id, unit_id) REFERENCES units (brand_id, id),
    CONSTRAINT stock_locations_kind_check CHECK (kind in ('warehouse', 'store'))
);

CREATE UNIQUE INDEX stock_locations_online_key ON stock_locations (brand_id) WHERE sells_online;

CREATE UNIQUE INDEX stock_locations_store_key ON stock_locations (brand_id, unit_id) WHERE kind = 'store';

CREATE TABLE touchpoints (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    link_id UUID NOT NULL,
    person_id UUID,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT touchpoints_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT touchpoints_brand_id_link_id_fkey FOREIGN KEY(brand_id, link_id) REFERENCES links (brand_id, id)
);

CREATE INDEX touchpoints_brand_id_link_id_at_idx ON touchpoints (brand_id, link_id, at);

CREATE INDEX touchpoints_brand_id_person_id_at_idx ON touchpoints (brand_id, person_id, at);

CREATE TABLE customers (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    seq BIGINT NOT NULL,
    name TEXT NOT NULL,
    phone TEXT NOT NULL,
    phone_last4 TEXT NOT NULL,
    locale TEXT NOT NULL,
    joined_at TIMESTAMP WITH TIME ZONE NOT NULL,
    source TEXT NOT NULL,
    scene TEXT NOT NULL,
    link_id UUID,
    store_id UUID,
    guide_id UUID,
    CONSTRAINT customers_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT customers_brand_id_store_id_fkey FOREIGN KEY(brand_id, store_id) REFERENCES units (brand_id, id),
    CONSTRAINT customers_brand_id_guide_id_fkey FOREIGN KEY(brand_id, guide_id) REFERENCES staff (brand_id, id),
    CONSTRAINT customers_brand_id_phone_key UNIQUE (brand_id, phone),
    CONSTRAINT customers_brand_id_seq_key UNIQUE (brand_id, seq)
);

CREATE INDEX customers_brand_id_joined_at_id_idx ON customers (brand_id, joined_at, id);

CREATE INDEX customers_brand_id_phone_last4_idx ON customers (brand_id, phone_last4);

CREATE INDEX customers_brand_id_store_id_joined_at_id_idx ON customers (brand_id, store_id, joined_at, id);

CREATE TABLE order_refund_lines (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    refund_id UUID NOT NULL,
    order_id UUID NOT NULL,
    line_id UUID NOT NULL,
    quantity BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    CONSTRAINT order_refund_lines_pkey PRIMARY KEY (brand_id, refund_id, order_id, line_id),
    CONSTRAINT order_refund_lines_brand_id_refund_id_fkey FOREIGN KEY(brand_id, refund_id) REFERENCES order_refunds (brand_id, id),
    CONSTRAINT order_refund_lines_brand_id_order_id_line_id_fkey FOREIGN KEY(brand_id, order_id, line_id) REFERENCES order_lines (brand_id, order_id, line_id),
    CONSTRAINT order_refund_lines_amounts_check CHECK (quantity > 0 and amount_minor >= 0)
);

CREATE INDEX order_refund_lines_brand_id_order_id_line_id_idx ON order_refund_lines (brand_id, order_id, line_id);

CREATE TABLE parcel_lines (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    parcel_id UUID NOT NULL,
    line_id UUID NOT NULL,
    quantity BIGINT NOT NULL,
    CONSTRAINT parcel_lines_pkey PRIMARY KEY (brand_id, parcel_id, line_id),
    CONSTRAINT parcel_lines_brand_id_parcel_id_fkey FOREIGN KEY(brand_id, parcel_id) REFERENCES parcels (brand_id, id),
    CONSTRAINT parcel_lines_quantity_check CHECK (quantity > 0)
);

CREATE TABLE products (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    handle TEXT NOT NULL,
    title JSONB NOT NULL,
    subtitle JSONB DEFAULT '{}' NOT NULL,
    description JSONB DEFAULT '{}' NOT NULL,
    kind TEXT DEFAULT 'goods' NOT NULL,
    status TEXT NOT NULL,
    on_sale_at TIMESTAMP WITH TIME ZONE,
    off_at TIMESTAMP WITH TIME ZONE,
    tags JSONB DEFAULT '[]' NOT NULL,
    attributes JSONB DEFAULT '[]' NOT NULL,
    freight_template_id UUID,
    version BIGINT DEFAULT '1' NOT NULL,
    image_id UUID,
    category_id UUID,
    sku_count BIGINT DEFAULT '0' NOT NULL,
    price_min_minor BIGINT DEFAULT '0' NOT NULL,
    price_max_minor BIGINT DEFAULT '0' NOT NULL,
    list_price_minor BIGINT,
    words TEXT DEFAULT '' NOT NULL,
    fingerprint TEXT,
    published_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT products_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT products_brand_id_handle_key UNIQUE (brand_id, handle),
    CONSTRAINT products_brand_id_image_id_fkey FOREIGN KEY(brand_id, image_id) REFERENCES media (brand_id, id),
    CONSTRAINT products_brand_id_category_id_fkey FOREIGN KEY(brand_id, category_id) REFERENCES categories (brand_id, id),
    CONSTRAINT products_status_check CHECK (status in ('draft', 'scheduled', 'on_sale', 'off')),
    CONSTRAINT products_kind_check CHECK (kind in ('goods', 'service')),
    CONSTRAINT products_version_check CHECK (version > 0)
);

CREATE INDEX products_price_idx ON products (brand_id, price_min_minor, id) WHERE deleted_at is null;

CREATE INDEX products_shop_newest_idx ON products (brand_id, published_at, id) WHERE status = 'on_sale' and deleted_at is null;

CREATE INDEX products_shop_price_idx ON products (brand_id, price_min_minor, id) WHERE status = 'on_sale' and deleted_at is null;

CREATE INDEX products_status_idx ON products (brand_id, status, updated_at, id) WHERE deleted_at is null;

CREATE INDEX products_updated_idx ON products (brand_id, updated_at, id) WHERE deleted_at is null;

CREATE TABLE staff_roles (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    staff_id UUID NOT NULL,
    role TEXT NOT NULL,
    CONSTRAINT staff_roles_pkey PRIMARY KEY (brand_id, staff_id, role),
    CONSTRAINT staff_roles_brand_id_staff_id_fkey FOREIGN KEY(brand_id, staff_id) REFERENCES staff (brand_id, id)
);

CREATE INDEX staff_roles_brand_id_role_idx ON staff_roles (brand_id, role);

CREATE TABLE staff_sessions (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    token_hash TEXT NOT NULL,
    staff_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    address TEXT NOT NULL,
    CONSTRAINT staff_sessions_pkey PRIMARY KEY (brand_id, token_hash),
    CONSTRAINT staff_sessions_brand_id_staff_id_fkey FOREIGN KEY(brand_id, staff_id) REFERENCES staff (brand_id, id)
);

CREATE INDEX staff_sessions_brand_id_staff_id_idx ON staff_sessions (brand_id, staff_id);

CREATE TABLE addresses (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    customer_id UUID NOT NULL,
    recipient TEXT NOT NULL,
    phone TEXT NOT NULL,
    district_code TEXT NOT NULL,
    street TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT addresses_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT addresses_brand_id_customer_id_fkey FOREIGN KEY(brand_id, customer_id) REFERENCES customers (brand_id, id)
);

CREATE INDEX addresses_brand_id_customer_id_created_at_idx ON addresses (brand_id, customer_id, created_at);

CREATE UNIQUE INDEX addresses_one_default_key ON addresses (brand_id, customer_id) WHERE is_default;

CREATE TABLE customer_tokens (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    token TEXT NOT NULL,
    customer_id UUID NOT NULL,
    CONSTRAINT customer_tokens_pkey PRIMARY KEY (brand_id, token, customer_id),
    CONSTRAINT customer_tokens_brand_id_customer_id_fkey FOREIGN KEY(brand_id, customer_id) REFERENCES customers (brand_id, id)
);

CREATE INDEX customer_tokens_brand_id_customer_id_idx ON customer_tokens (brand_id, customer_id);

CREATE TABLE devices (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    customer_id UUID,
    source TEXT NOT NULL,
    scene TEXT NOT NULL,
    link_id UUID,
    store_id UUID,
    guide_id UUID,
    CONSTRAINT devices_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT devices_brand_id_customer_id_fkey FOREIGN KEY(brand_id, customer_id) REFERENCES customers (brand_id, id),
    CONSTRAINT devices_brand_id_store_id_fkey FOREIGN KEY(brand_id, store_id) REFERENCES units (brand_id, id),
    CONSTRAINT devices_brand_id_guide_id_fkey FOREIGN KEY(brand_id, guide_id) REFERENCES staff (brand_id, id)
);

CREATE INDEX devices_brand_id_customer_id_idx ON devices (brand_id, customer_id);

CREATE TABLE product_categories (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    category_id UUID NOT NULL,
    product_id UUID NOT NULL,
    position BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT product_categories_pkey PRIMARY KEY (brand_id, category_id, product_id),
    CONSTRAINT product_categories_brand_id_category_id_fkey FOREIGN KEY(brand_id, category_id) REFERENCES categories (brand_id, id),
    CONSTRAINT product_categories_brand_id_product_id_fkey FOREIGN KEY(brand_id, product_id) REFERENCES products (brand_id, id)
);

CREATE INDEX product_categories_brand_id_product_id_position_idx ON product_categories (brand_id, product_id, position);

CREATE TABLE product_images (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    product_id UUID NOT NULL,
    position BIGINT NOT NULL,
    media_id UUID NOT NULL,
    CONSTRAINT product_images_pkey PRIMARY KEY (brand_id, product_id, position),
    CONSTRAINT product_images_brand_id_product_id_fkey FOREIGN KEY(brand_id, product_id) REFERENCES products (brand_id, id),
    CONSTRAINT product_images_brand_id_media_id_fkey FOREIGN KEY(brand_id, media_id) REFERENCES media (brand_id, id)
);

CREATE INDEX product_images_brand_id_media_id_idx ON product_images (brand_id, media_id);

CREATE TABLE product_options (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    product_id UUID NOT NULL,
    position BIGINT NOT NULL,
    name JSONB NOT NULL,
    CONSTRAINT product_options_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT product_options_brand_id_product_id_fkey FOREIGN KEY(brand_id, product_id) REFERENCES products (brand_id, id)
);

CREATE INDEX product_options_brand_id_product_id_position_idx ON product_options (brand_id, product_id, position);

CREATE TABLE skus (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    product_id UUID NOT NULL,
    code TEXT NOT NULL,
    position BIGINT DEFAULT '0' NOT NULL,
    option_value_ids JSONB DEFAULT '[]' NOT NULL,
    option_label JSONB DEFAULT '{}' NOT NULL,
    price_minor BIGINT NOT NULL,
    list_price_minor BIGINT,
    weight_g BIGINT DEFAULT '0' NOT NULL,
    barcode TEXT DEFAULT '' NOT NULL,
    image_id UUID,
    active BOOLEAN DEFAULT true NOT NULL,
    CONSTRAINT skus_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT skus_brand_id_code_key UNIQUE (brand_id, code),
    CONSTRAINT skus_brand_id_product_id_fkey FOREIGN KEY(brand_id, product_id) REFERENCES products (brand_id, id),
    CONSTRAINT skus_brand_id_image_id_fkey FOREIGN KEY(brand_id, image_id) REFERENCES media (brand_id, id),
    CONSTRAINT skus_price_check CHECK (price_minor >= 0 and list_price_minor >= 0),
    CONSTRAINT skus_weight_check CHECK (weight_g >= 0)
);

CREATE INDEX skus_brand_id_product_id_position_idx ON skus (brand_id, product_id, position);

CREATE TABLE cart_lines (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    owner_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    quantity BIGINT NOT NULL,
    selected BOOLEAN DEFAULT true NOT NULL,
    added_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT cart_lines_pkey PRIMARY KEY (brand_id, owner_id, sku_id),
    CONSTRAINT cart_lines_brand_id_sku_id_fkey FOREIGN KEY(brand_id, sku_id) REFERENCES skus (brand_id, id),
    CONSTRAINT cart_lines_quantity_check CHECK (quantity > 0)
);

CREATE INDEX cart_lines_brand_id_sku_id_idx ON cart_lines (brand_id, sku_id);

CREATE TABLE privacy_acceptances (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    device_id UUID NOT NULL,
    version TEXT NOT NULL,
    locale TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT privacy_acceptances_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT privacy_acceptances_brand_id_device_id_fkey FOREIGN KEY(brand_id, device_id) REFERENCES devices (brand_id, id)
);

CREATE INDEX privacy_acceptances_brand_id_device_id_idx ON privacy_acceptances (brand_id, device_id);

CREATE TABLE product_option_values (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    id UUID NOT NULL,
    product_id UUID NOT NULL,
    option_id UUID NOT NULL,
    position BIGINT NOT NULL,
    name JSONB NOT NULL,
    CONSTRAINT product_option_values_pkey PRIMARY KEY (brand_id, id),
    CONSTRAINT product_option_values_brand_id_product_id_fkey FOREIGN KEY(brand_id, product_id) REFERENCES products (brand_id, id),
    CONSTRAINT product_option_values_brand_id_option_id_fkey FOREIGN KEY(brand_id, option_id) REFERENCES product_options (brand_id, id) ON DELETE CASCADE
);

CREATE INDEX product_option_values_brand_id_option_id_idx ON product_option_values (brand_id, option_id);

CREATE INDEX product_option_values_brand_id_product_id_position_idx ON product_option_values (brand_id, product_id, position);

CREATE TABLE shop_sessions (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    token_hash TEXT NOT NULL,
    device_id UUID NOT NULL,
    customer_id UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT shop_sessions_pkey PRIMARY KEY (brand_id, token_hash),
    CONSTRAINT shop_sessions_brand_id_device_id_fkey FOREIGN KEY(brand_id, device_id) REFERENCES devices (brand_id, id),
    CONSTRAINT shop_sessions_brand_id_customer_id_fkey FOREIGN KEY(brand_id, customer_id) REFERENCES customers (brand_id, id)
);

CREATE INDEX shop_sessions_brand_id_customer_id_idx ON shop_sessions (brand_id, customer_id);

CREATE INDEX shop_sessions_brand_id_device_id_idx ON shop_sessions (brand_id, device_id);

CREATE TABLE stock_levels (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    on_hand BIGINT DEFAULT '0' NOT NULL,
    reserved BIGINT DEFAULT '0' NOT NULL,
    safety BIGINT DEFAULT '0' NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT stock_levels_pkey PRIMARY KEY (brand_id, sku_id, location_id),
    CONSTRAINT stock_levels_brand_id_sku_id_fkey FOREIGN KEY(brand_id, sku_id) REFERENCES skus (brand_id, id),
    CONSTRAINT stock_levels_brand_id_location_id_fkey FOREIGN KEY(brand_id, location_id) REFERENCES stock_locations (brand_id, id),
    CONSTRAINT stock_levels_on_hand_check CHECK (on_hand >= 0),
    CONSTRAINT stock_levels_reserved_check CHECK (reserved >= 0 and reserved <= on_hand),
    CONSTRAINT stock_levels_safety_check CHECK (safety >= 0)
)
 WITH (fillfactor = 50);

CREATE INDEX stock_levels_brand_id_location_id_sku_id_idx ON stock_levels (brand_id, location_id, sku_id);

CREATE TABLE store_prices (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    sku_id UUID NOT NULL,
    unit_id UUID NOT NULL,
    price_minor BIGINT NOT NULL,
    CONSTRAINT store_prices_pkey PRIMARY KEY (brand_id, sku_id, unit_id),
    CONSTRAINT store_prices_brand_id_sku_id_fkey FOREIGN KEY(brand_id, sku_id) REFERENCES skus (brand_id, id),
    CONSTRAINT store_prices_price_check CHECK (price_minor >= 0)
);

CREATE INDEX store_prices_brand_id_unit_id_idx ON store_prices (brand_id, unit_id);
