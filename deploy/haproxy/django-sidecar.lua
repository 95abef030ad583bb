-- Asks django-sidecar who a request is from. See haproxy.cfg:
--
--     http-request lua.django-sidecar http://127.0.0.1:8100/auth/forward
--
-- A yes sets the identity headers and lets the request go on. Anything else ends it with the sidecar's answer, or with 503
-- where there is none. Whatever goes wrong in here is a 503 too.

local identity = { "remote-user", "remote-user-id", "remote-email", "remote-groups" }

-- What the sidecar needs to know beside the request itself: who is asking, whether a person looks at the answer, and whether
-- this is a CORS preflight.
local forwarded = {
    "cookie", "accept", "x-requested-with", "sec-fetch-mode", "sec-fetch-dest", "hx-request", "hx-current-url",
    "origin", "access-control-request-method", "x-http-method-override", "x-http-method", "x-method-override",
}

-- What a client may see of the sidecar's answer.
local answered = {
    "location", "hx-redirect", "x-sign-in", "content-type", "cache-control", "vary", "retry-after", "www-authenticate",
}

-- More than SIDECAR_STORE_TIMEOUT. HAProxy's client tries four times before it gives up on a sidecar that does not answer.
local milliseconds = 2500

-- Could not be found out: nobody passes, and nobody is sent to sign in.
local unavailable = {
    status = 503,
    headers = { ["content-type"] = "application/json", ["cache-control"] = "no-store", ["retry-after"] = "1" },
    body = '{"result": false, "message": "The login session could not be checked."}',
}

local function question(txn)
    local request, headers = txn.http:req_get_headers(), {}
    local function copy(name, as)
        local values = {}
        -- HAProxy counts the lines of a header from 0.
        for i = 0, request[name] and #request[name] or -1 do
            values[#values + 1] = request[name][i]
        end
        if #values > 0 then
            headers[as or name] = values
        end
    end
    for _, name in ipairs(forwarded) do
        copy(name)
    end
    -- haproxy.cfg has set these two.
    copy("x-forwarded-for")
    copy("x-forwarded-proto")
    copy("host", "x-forwarded-host")
    headers["x-forwarded-method"] = { txn.sf:method() }
    headers["x-forwarded-uri"] = { txn.sf:pathq() }
    return headers
end

-- decide sets who the user is and returns nil, or returns what ends the request.
local function decide(txn, url)
    local answer = core.httpclient():get { url = url, headers = question(txn), timeout = milliseconds }
    local headers = answer.headers or {}
    if answer.status == 200 then
        for _, name in ipairs(identity) do
            txn.http:req_del_header(name)
            local value = headers[name] and headers[name][0]
            if value and value ~= "" then
                txn.http:req_set_header(name, value)
            end
        end
        return nil
    end
    if answer.status ~= 302 and answer.status ~= 303 and answer.status ~= 401 and answer.status ~= 403 then
        return unavailable
    end
    local ending = { status = answer.status, headers = {}, body = answer.body or "" }
    for _, name in ipairs(answered) do
        ending.headers[name] = headers[name] and headers[name][0]
    end
    return ending
end

-- A filter that refuses a request with trailers, which HAProxy would pass on as they are: what only a gateway may say, a client
-- could say in them. HAProxy before 3.2 has no other way. See haproxy.cfg:
--
--     filter lua.no-trailers
--
-- It needs lua-load-per-thread. With lua-load, all threads share what filters remember, and HAProxy 2.6 crashes under load; so the
-- filter is not there then, and HAProxy does not start.
--
-- Behind the data of a body there is one byte for its end, and more where there are trailers.
local no_trailers = { id = "no-trailers", flags = filter.FLT_CFG_FL_HTX }
no_trailers.__index = no_trailers

function no_trailers:new()
    return setmetatable({}, no_trailers)
end

function no_trailers:start_analyze(_, channel)
    if not channel:is_resp() then
        filter.register_data_filter(self, channel)
    end
end

function no_trailers:http_payload(_, message)
    if message:input() > 1 and message:body(-2) == nil then
        error("a request with trailers is refused") -- 400, and a line in HAProxy's log
    end
end

if core.thread > 0 then -- 0 with lua-load
    core.register_filter("no-trailers", no_trailers, function(class) return class end)
end

core.register_action("django-sidecar", { "http-req" }, function(txn, url)
    local ok, ending = pcall(decide, txn, url)
    if not ok then
        core.Alert("django-sidecar: " .. tostring(ending))
        ending = unavailable
    end
    if ending == nil then
        return
    end
    local reply = txn:reply { status = ending.status, body = ending.body }
    for name, value in pairs(ending.headers) do
        reply:add_header(name, value)
    end
    txn:done(reply)
end, 1)
