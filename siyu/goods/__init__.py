"""货 – what: catalogue, stock, prices, payments, orders, fulfilment."""
